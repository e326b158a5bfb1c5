"""Progress of a start: a bar on a terminal, a line for each phase elsewhere."""

import contextlib
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

BANNER = Path(__file__).with_name("banner.txt").read_text("utf-8")
# Without a terminal, a line for each such share of a long step.
LINE_EACH = 0.05
COLUMNS = (TextColumn("{task.description:<32}", markup=False), BarColumn(), TimeElapsedColumn())


class ProgressDisplay:
    """Shows one step at a time on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._last_fraction = 0.0
        self._last = ""

    @property
    def is_terminal(self) -> bool:
        """Return whether a person is watching."""
        return self._console.is_terminal

    def step(self, sentence: str, fraction: float | None) -> None:
        """Show the current step, and the share of it that is done."""
        if self.is_terminal:
            self._show_bar(sentence, fraction)
        elif sentence != self._last and not self._is_little_more(sentence, fraction):
            self._print(f"==> {sentence}")
            self._last, self._last_fraction = sentence, fraction or 0.0

    def _is_little_more(self, sentence: str, fraction: float | None) -> bool:
        """Return whether only the amount behind the step's name has grown, and not by much."""
        if sentence.partition(": ")[0] != self._last.partition(": ")[0]:
            return False
        return (fraction or 0.0) - self._last_fraction < LINE_EACH

    def done(self, text: str = "") -> None:
        """End the bar, and print a text after it."""
        if self._bar:
            self._bar.stop()
            self._bar = None
        self._last = ""
        if text:
            self._print(text)

    def _print(self, text: str) -> None:
        """Print as far as there is room: standard error may be a file on a full disk."""
        with contextlib.suppress(OSError):
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _show_bar(self, sentence: str, fraction: float | None) -> None:
        if self._bar is None:
            self._bar = Progress(*COLUMNS, console=self._console)
            self._bar.start()
            self._task = self._bar.add_task(sentence, total=1.0)
        total = None if fraction is None else 1.0
        self._bar.update(self._task, description=sentence, completed=fraction or 0.0, total=total)
