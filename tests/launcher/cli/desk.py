"""A command at a real terminal."""

import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path

import pytest

MMHIE = Path(sys.executable).with_name("mmhie")
STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Desk:
    """A person at a terminal: types, and reads what is on the screen."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            kept = {name: os.environ[name] for name in ("PATH", "HOME")}
            os.execve(
                MMHIE,
                [str(MMHIE), *arguments],
                {**kept, "TERM": "xterm", "COLUMNS": "100", **environ},
            )
        self.seen = ""

    def type(self, text: str) -> None:
        self.seen = ""
        os.write(self._terminal, text.encode())

    def until(self, words: str, seconds: float = 120) -> str:
        """Return the output up to these words, without styles."""
        ends = time.monotonic() + seconds
        while words not in STYLE.sub("", self.seen):
            assert time.monotonic() < ends, (words, self.seen)
            if select.select([self._terminal], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self._terminal, 65536).decode(errors="replace")
                except OSError:
                    pytest.fail(f"it ended before {words!r}: {self.seen}")
        return STYLE.sub("", self.seen)

    def ended(self, seconds: float = 120) -> int:
        """Its exit code."""
        ends = time.monotonic() + seconds
        while (found := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > ends:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.02)
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(found[1])
