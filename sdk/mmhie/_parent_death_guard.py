"""
Run one command, and stop it when the process that started this one is gone.

`python _parent_death_guard.py GRACE_SECONDS LOG COMMAND...`. Standard input is a pipe whose other
end the parent holds, so its end, however sudden, is an end of file here. (PR_SET_PDEATHSIG follows
the *thread* that started the child.) The command's output goes to the file LOG, and to standard
error what is not a line of one of its programs (`engine | ...`); all of it where the file cannot be
written. When it ends, one JSON line on standard output has its exit code and its last line.

The launcher has a guard of its own for its engines; this one stands alone, with the standard
library only, because the SDK is installed without the launcher.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable

MAX_LINE = 500
OF_A_PROGRAM = re.compile(rb"\w+ \| ")


def opened(log: str) -> "int | None":
    """Open a new log; None where that is not possible."""
    try:
        os.makedirs(os.path.dirname(log), exist_ok=True)
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    except OSError:
        return None


class Relay:
    """Copy of the command's output to a log and to standard error, which keeps the last line."""

    def __init__(self, lines: Iterable[bytes], log: "int | None") -> None:
        self.last = ""
        self._lines = lines
        self._log = log
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for the rest of the output; a grandchild may hold the pipe open for ever."""
        self._thread.join(seconds)

    def _run(self) -> None:
        for line in self._lines:
            self.last = line.decode(errors="replace").strip()[:MAX_LINE] or self.last
            if self._log is not None:
                write(self._log, line)
            if self._log is None or not OF_A_PROGRAM.match(line):
                write(2, line)


def write(file: int, line: bytes) -> None:
    """Write as far as that goes: the disk may be full, the parent's standard error gone."""
    with contextlib.suppress(OSError):
        os.write(file, line)


def stop(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Send SIGTERM, then SIGKILL to the whole group after the grace period."""
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def stop_at_eof(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Stop the child when the parent has closed its end of our standard input."""
    sys.stdin.buffer.read()
    stop(child, grace_seconds)


def main(grace_seconds: float, log: str, command: list[str]) -> int:
    """Run the command to its end, report it and return its exit code."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=stop_at_eof, args=(child, grace_seconds), daemon=True).start()
    relay = Relay(child.stdout or (), opened(log))
    code = child.wait()
    relay.wait(1.0)
    with contextlib.suppress(OSError):
        os.write(1, json.dumps({"code": code, "last_line": relay.last}).encode() + b"\n")
    return code


if __name__ == "__main__":
    # daemon threads may sit in a read: leave without waiting for them
    os._exit(main(float(sys.argv[1]), sys.argv[2], sys.argv[3:]) & 0xFF)
