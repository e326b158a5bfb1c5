"""SIGKILL in the middle of writing, again and again: no line that was acknowledged is lost."""

import random
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.audit.rotation import rotated_files
from gateway.audit.verify import verify
from tests.contract.fixtures import Start
from tests.contract.process import ROOT, Gateway
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY, Append, lines
from tests.gateway.audit.test_gateway import settings
from tests.waiting import until

# Every second writer dies by its own hand inside a write: with what one call to the disk has taken,
# up to a chosen byte, and before the rest. The others are killed whenever it comes.
WRITER = """
import itertools, os, signal, sys
from pathlib import Path
from gateway.audit.file import AuditFile
path, name, last, cut = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
file = AuditFile(Path(path), key="k" * 32, rotate_bytes=4_000_000)
whole = os.write

def torn(handle, content):
    whole(handle, content[:cut])
    os.kill(os.getpid(), signal.SIGKILL)

for batch in itertools.count():
    if batch == last:
        os.write = torn
    file.append([{"kind": "test", "by": name, "batch": batch, "fill": "x" * 2_000}] * 200)
    print(batch, flush=True)
"""
BATCH_BYTES = 200 * 2_000
KILLS = 30
NEVER = -1


def killed_writer(path: Path, name: str, last: int, cut: int) -> int:
    """Return the number of batches that a writer had acknowledged when it was killed: at byte `cut`
    of batch `last`, or from outside where it never comes to that."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(last), str(cut)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        if last == NEVER:
            child.stdout.readline()  # it is at work
            child.kill()
            return 1 + child.stdout.read().count(b"\n")
        return child.stdout.read().count(b"\n")


@pytest.mark.slow
def test_kills_in_mid_write(path: Path, append: Append) -> None:
    """Every acknowledged batch is there as a whole, torn lines are repaired, the chain is one."""
    chance = random.Random(7)
    acknowledged, torn = {}, 0
    for kill in range(KILLS):
        last, cut = (
            (chance.randrange(4), chance.randrange(1, BATCH_BYTES)) if kill % 2 else (NEVER, 0)
        )
        acknowledged[str(kill)] = killed_writer(path, str(kill), last, cut)
        torn += kill % 2 == 1 and not path.read_bytes().endswith(b"\n")
    append([])  # what the next gateway does
    told = [line for file in (*rotated_files(path), path) for line in lines(file)]
    written = Counter((line["by"], line["batch"]) for line in told if line["kind"] == "test")

    for name, batches in acknowledged.items():
        assert all(written[name, batch] == 200 for batch in range(batches))
    assert torn == KILLS // 2
    assert sum(line["kind"] == "repair" for line in told) >= torn
    assert verify(path, key=KEY).findings == []


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
    for identifier in ids:
        headers = {"x-request-id": identifier}
        gateway.client.post(SURFACES[0].path, json=SURFACES[0].body(), headers=headers)
    return set(ids)


def told(trail: Path) -> set[str]:
    """Return the ids of the requests in a trail."""
    return {line["caller_request_id"] for line in lines(trail) if line["kind"] == "request"}
