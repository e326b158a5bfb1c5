"""Progress of a start: a line for each step."""

import contextlib
from pathlib import Path
from typing import TextIO

BANNER = Path(__file__).with_name("banner.txt").read_text("utf-8")
# A line for each twentieth of a long step.
LINE_EACH = 0.05


def banner(name: str, address: str, program: str, *, has_keys: bool) -> str:
    """Return the address and the first commands to try with a service that is ready."""
    key = "; MMHIE_API_KEY: a key of `mmhie keys new`" if has_keys else ""
    header = '-H "Authorization: Bearer $MMHIE_API_KEY" ' if has_keys else ""
    return BANNER.format(name=name, address=address, program=program, key=key, header=header)


class ProgressDisplay:
    """Writes one step after another to a terminal or a container's log."""

    def __init__(self, file: TextIO, log: Path | None = None) -> None:
        self.log = log  # of the programs, if their lines are not in this file
        self._file = file
        self._last_fraction = 0.0
        self._last = ""

    @property
    def is_terminal(self) -> bool:
        return self._file.isatty()

    def step(self, sentence: str, fraction: float | None) -> None:
        """Write the current step, unless there is little more of it than in the last line."""
        if sentence != self._last and not self._is_little_more(sentence, fraction):
            self.done(f"==> {sentence}")
            self._last, self._last_fraction = sentence, fraction or 0.0

    def _is_little_more(self, sentence: str, fraction: float | None) -> bool:
        if sentence.partition(": ")[0] != self._last.partition(": ")[0]:
            return False
        return (fraction or 0.0) < min(self._last_fraction + LINE_EACH, 1.0)

    def incident(self, sentence: str) -> None:
        """Write what happened, and where more is written."""
        self.step(f"{sentence} Log: {self.log}" if self.log else sentence, None)

    def done(self, text: str) -> None:
        """Write a text; standard error may be a file on a full disk."""
        self._last = ""
        with contextlib.suppress(OSError):
            self._file.write(f"{text}\n")
            self._file.flush()
