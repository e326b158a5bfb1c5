"""A command at a real terminal."""

import os
import pty
import re
import select
import signal
import time
from pathlib import Path

import pytest

from tests.command import MMHIE
from tests.waiting import until

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

    def interrupt(self) -> None:
        """Press Ctrl-C at the prompt, once it is waiting for a line: what comes a moment earlier is
        heard after the line."""
        until(lambda: self._state() == "S")
        os.kill(self.pid, signal.SIGINT)

    def _state(self) -> str:
        """Return `S` while the process sleeps."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def ended(self, seconds: float = 120) -> int:
        """Its exit code."""
        ends = time.monotonic() + seconds
        while (waited := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > ends:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.02)
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(waited[1])
