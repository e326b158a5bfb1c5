"""A process that dies leaves nothing of its memory behind; one that lives, what it needs."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from tests.contract.fixtures import Start
from tests.contract.process import ROOT, free_port
from tests.gateway.processes.conftest import workers_of

ASK = """
import ctypes
from gateway.runtime import memory
libc = ctypes.CDLL(None)
before = libc.prctl(3, 0, 0, 0, 0)
memory.disable_core_dumps()
print(before, libc.prctl(3, 0, 0, 0, 0))
"""


# Every second of many small things is kept: what lies between goes back only when it is asked for.
FREE = """
from pathlib import Path
from gateway.runtime import memory
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
things = [bytes(20_000) for _ in range(2_000)]
kept = things[::2]
full = resident()
del things
freed = resident()
memory.trim_heap()
print(full - freed, freed - resident())
"""


# The first large block that is freed would teach malloc to keep those after it.
LARGE = """
import sys
from pathlib import Path
from gateway.runtime import memory
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
if sys.argv[1] == "returned": memory.return_large_blocks()
first = bytearray(b"x") * 20_000_000
del first
second = bytearray(b"x") * 20_000_000
kept = [bytes(20_000) for _ in range(2_000)]
full = resident()
del second
print(full - resident())
"""


def numbers(program: str, *arguments: str) -> list[int]:
    """The numbers that a program prints."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


def test_a_large_block_goes_back_at_once() -> None:
    """Whatever was allocated after it; by itself malloc keeps it."""
    assert numbers(LARGE, "returned")[0] > 19e6
    assert numbers(LARGE, "kept")[0] < 1e6


def test_what_was_freed_goes_back() -> None:
    """Of 20 MB that were freed between things in use, nearly all, and only when told to."""
    by_itself, given = numbers(FREE)

    assert by_itself < 5e6
    assert given > 10e6


def test_the_flag_is_off() -> None:
    """PR_GET_DUMPABLE: on in every process, off in ours."""
    assert numbers(ASK) == [1, 0]


def limit(pid: int) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size"))


def test_a_gateway_that_aborts_dumps_nothing(start: Start, tmp_path: Path) -> None:
    """Though the shell it was started from allows dumps; every worker as well."""
    allowed = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (allowed[1], allowed[1]))
    try:
        gateway = start(f"http://127.0.0.1:{free_port()}", MMHIE_WORKERS="2").wait("/healthz")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, allowed)
    workers = sorted(workers_of(gateway.child.pid))
    assert len(workers) == 2
    for pid in (gateway.child.pid, *workers):
        assert limit(pid).split()[-3:] == ["0", "0", "bytes"]
    os.kill(workers[0], signal.SIGABRT)
    gateway.stop()

    assert [path.name for path in tmp_path.iterdir() if "core" in path.name] == []
