"""A process that dies leaves nothing of its memory behind."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from tests.contract.fixtures import Start
from tests.contract.process import ROOT, free_port

ASK = """
import ctypes
from gateway.runtime import memory
libc = ctypes.CDLL(None)
before = libc.prctl(3, 0, 0, 0, 0)
memory.disable_core_dumps()
print(before, libc.prctl(3, 0, 0, 0, 0))
"""


def test_the_flag_is_off() -> None:
    """PR_GET_DUMPABLE: on in every process, off in ours."""
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1", "0"]


def limit(pid: int) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size"))


def test_a_gateway_that_aborts_dumps_nothing(start: Start, tmp_path: Path) -> None:
    """Though the shell it was started from allows dumps."""
    allowed = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (allowed[1], allowed[1]))
    try:
        gateway = start(f"http://127.0.0.1:{free_port()}").wait("/healthz")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, allowed)
    assert limit(gateway.child.pid).split()[-3:] == ["0", "0", "bytes"]
    os.kill(gateway.child.pid, signal.SIGABRT)
    gateway.exit_code()

    assert [path.name for path in tmp_path.iterdir() if "core" in path.name] == []
