"""Progress of a start: a bar on a terminal, a line for each phase elsewhere."""

import contextlib
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

BANNER = Path(__file__).with_name("banner.txt").read_text("utf-8")
# Without a terminal, a line for each twentieth of a long step.
LINE_EACH = 0.05


class Clock(ProgressColumn):
    """Time since the first step; rich's own column stops when a step is complete."""

    def render(self, task: Task) -> Text:
        """Return hours, minutes and seconds."""
        return Text(str(timedelta(seconds=int(task.elapsed or 0))), style="progress.elapsed")


COLUMNS = (TextColumn("{task.description:<32}", markup=False), BarColumn(), Clock())


def banner(name: str, model: str, address: str, program: str, *, has_keys: bool) -> str:
    """Return the first commands to try with a service that is ready."""
    key = "  export MMHIE_API_KEY=...  # a key of `mmhie keys new`\n\n" if has_keys else ""
    header = '-H "Authorization: Bearer $MMHIE_API_KEY" ' if has_keys else ""
    return BANNER.format(
        name=name, model=model, address=address, program=program, key=key, header=header
    )


class ProgressDisplay:
    """Shows one step at a time on a console."""

    def __init__(self, console: Console, log: Path | None = None) -> None:
        self.log = log  # of the programs, if their lines are not on this console
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._last_fraction = 0.0
        self._last = ""

    @property
    def is_terminal(self) -> bool:
        """Return whether the output is a terminal."""
        return self._console.is_terminal

    def step(self, sentence: str, fraction: float | None) -> None:
        """Show the current step, and how much of it is done."""
        if self.is_terminal:
            self._show_bar(sentence, fraction)
        elif sentence != self._last and not self._is_little_more(sentence, fraction):
            self._print(f"==> {sentence}")
            self._last, self._last_fraction = sentence, fraction or 0.0

    def _is_little_more(self, sentence: str, fraction: float | None) -> bool:
        """Return whether this is the same step, with little progress since the last line."""
        if sentence.partition(": ")[0] != self._last.partition(": ")[0]:
            return False
        return (fraction or 0.0) < min(self._last_fraction + LINE_EACH, 1.0)

    def incident(self, sentence: str) -> None:
        """Print a line that stays, and names the log."""
        if self.is_terminal:
            self.done(f"{sentence} Log: {self.log}" if self.log else sentence)
        else:
            self.step(sentence, None)

    def complete(self, text: str) -> None:
        """End the bar at its full length, and print a text after it."""
        if self._bar:
            self._bar.update(self._task, completed=1.0, total=1.0)
        self.done(text)

    def done(self, text: str = "") -> None:
        """End the bar, and print a text after it."""
        if self._bar:
            self._bar.stop()
            self._bar = None
        self._last = ""
        if text:
            self._print(text)

    def _print(self, text: str) -> None:
        """Print; standard error may be a file on a full disk."""
        with contextlib.suppress(OSError):
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _show_bar(self, sentence: str, fraction: float | None) -> None:
        if self._bar is None:
            self._bar = Progress(*COLUMNS, console=self._console)
            self._bar.start()
            self._task = self._bar.add_task(sentence, total=1.0)
        total = None if fraction is None else 1.0
        self._bar.update(self._task, description=sentence, completed=fraction or 0.0, total=total)
