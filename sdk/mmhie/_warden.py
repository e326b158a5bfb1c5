"""
Runs one command and stops it when the program that asked for it is gone.

A script of its own, with the standard library only: `python _warden.py GRACE_SECONDS COMMAND...`.
Standard input is a pipe whose other end the asking program holds, so its end, however sudden, is
an end of file here. (PR_SET_PDEATHSIG would be shorter, but it fires when the *thread* that
started the child ends.) The command's output goes to standard error; when the command ends, one
JSON line on standard output says how, with the last line it printed.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable

LONGEST_LINE = 500


class Relay:
    """Passes the command's output on and remembers its last line."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.last = ""
        self._lines = lines
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for the rest of the output; a grandchild may keep the pipe open for ever."""
        self._thread.join(seconds)

    def _run(self) -> None:
        for line in self._lines:
            self.last = line.decode(errors="replace").strip()[:LONGEST_LINE] or self.last
            with contextlib.suppress(OSError):  # the asking program's standard error may be gone
                os.write(2, line)


def stop(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """SIGTERM, then SIGKILL to its whole group once the grace is over."""
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def stop_at_end_of_input(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Stop the child when nobody holds the other end of our standard input any more."""
    sys.stdin.buffer.read()
    stop(child, grace_seconds)


def main(grace_seconds: float, command: list[str]) -> int:
    """Run `command` to its end and report it."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=stop_at_end_of_input, args=(child, grace_seconds), daemon=True).start()
    relay = Relay(child.stdout or ())
    code = child.wait()
    relay.wait(1.0)
    with contextlib.suppress(OSError):
        os.write(1, json.dumps({"code": code, "last_line": relay.last}).encode() + b"\n")
    return code


if __name__ == "__main__":
    # daemon threads may sit in a read: leave without waiting for them
    os._exit(main(float(sys.argv[1]), sys.argv[2:]) & 0xFF)
