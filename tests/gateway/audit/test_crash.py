"""SIGKILL in the middle of writing, again and again: no line that was acknowledged is lost."""

import contextlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from gateway.audit.file import rotated_files
from gateway.audit.verify import verify
from tests.contract.doors import DOORS
from tests.contract.fixtures import Start
from tests.contract.process import ROOT
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, Open, lines
from tests.gateway.audit.test_gateway import settings

# Long batches of long lines: much of the time is spent in a write, which a kill ends at a page.
WRITER = """
import itertools, sys
from pathlib import Path
from gateway.audit.file import AuditFile
file = AuditFile(Path(sys.argv[1]), key="k" * 32, rotate_bytes=40_000_000, fsync="never")
for batch in itertools.count():
    file.append([{"kind": "test", "by": sys.argv[2], "batch": batch, "fill": "x" * 20_000}] * 200)
    print(batch, flush=True)
"""
KILLS = 30


def killed_writer(path: Path, name: str, seconds: float) -> int:
    """Return the number of batches that a writer had acknowledged when it was killed."""
    command = [sys.executable, "-c", WRITER, str(path), name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # it is at work
        time.sleep(seconds)
        child.kill()
        return 1 + child.stdout.read().count(b"\n")


@pytest.mark.slow
def test_kills_in_mid_write(
    path: Path, open_file: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every acknowledged batch is there as a whole, torn lines are repaired, the chain is one."""
    chance = random.Random(7)
    acknowledged = {
        str(kill): killed_writer(path, str(kill), chance.uniform(0.0, 0.02))
        for kill in range(KILLS)
    }
    last = open_file()
    last.recover()  # what the next gateway does
    last.close()
    told = [line for file in (*rotated_files(path), path) for line in lines(file)]
    written = Counter((line["by"], line["batch"]) for line in told if line["kind"] == "test")
    repairs = sum(line["kind"] == "repair" for line in told)
    findings = verify(path, key=KEY).findings
    shutil.rmtree(path.parent)  # hundreds of megabytes

    assert all(
        written[name, batch] == 200
        for name, batches in acknowledged.items()
        for batch in range(batches)
    )
    assert repairs >= 1, "no kill tore a line: nothing was proven"
    assert findings == []
    with capsys.disabled():
        print(  # noqa: T201 - the numbers are the point of this test
            f"\n{KILLS} kills, {written.total()} lines, {repairs} torn lines repaired"
        )


@pytest.mark.slow
def test_killed_gateways(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """Under load: what was answered 0.5 s before the kill is in the trail, each time."""
    trail = tmp_path / "audit.jsonl"
    answered: list[tuple[str, float]] = []
    for life in range(8):
        gateway = start(engine.url, **settings(trail)).wait()
        kill_at = time.monotonic() + 1.2
        asked = 0
        with contextlib.suppress(httpx2.TransportError):
            while time.monotonic() < kill_at:
                asked += 1
                headers = {"x-request-id": f"{life}-{asked}"}
                gateway.client.post(DOORS[0].path, json=DOORS[0].body(), headers=headers)
                answered.append((f"{life}-{asked}", kill_at - time.monotonic()))
        gateway.signal(signal.SIGKILL)
        gateway.exit_code()

    start(engine.url, **settings(trail)).wait().stop()
    told = {line["request_id"] for line in lines(trail) if line["kind"] == "request"}
    due = [request_id for request_id, before_s in answered if before_s > 0.5]
    assert len(due) > 80
    assert [request_id for request_id in due if request_id not in told] == []
    assert not verify(trail, key=KEY).findings
    assert not re.search("Traceback", gateway.log)
