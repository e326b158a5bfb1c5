"""SIGKILL in the middle of writing, again and again: no line that was acknowledged is lost."""

import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from gateway.audit.file import rotated_files
from gateway.audit.verify import verify
from tests.contract.fixtures import Start
from tests.contract.process import ROOT, Gateway
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, Open, lines
from tests.gateway.audit.test_gateway import settings
from tests.waiting import until

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
    """Under load: what the trail held before the kill is in it afterwards, each time."""
    trail = tmp_path / "audit.jsonl"
    due: set[str] = set()
    for life in range(8):
        gateway = start(engine.url, **settings(trail)).wait()
        due |= asked(gateway, f"written-{life}")
        until(lambda: told(trail) >= due)  # noqa: B023 - called within the turn
        asked(gateway, f"late-{life}")
        gateway.signal(signal.SIGKILL)
        gateway.exit_code()

    start(engine.url, **settings(trail)).wait().stop()
    assert due <= told(trail)
    assert not verify(trail, key=KEY).findings
    assert not re.search("Traceback", gateway.log)


def asked(gateway: Gateway, name: str) -> set[str]:
    """Ask a dozen times; return the requests' ids."""
    ids = [f"{name}-{number}" for number in range(12)]
    for one in ids:
        headers = {"x-request-id": one}
        gateway.client.post(SURFACES[0].path, json=SURFACES[0].body(), headers=headers)
    return set(ids)


def told(trail: Path) -> set[str]:
    """Return the ids of the requests in a trail."""
    return {line["request_id"] for line in lines(trail) if line["kind"] == "request"}
