"""Progress of a start: a bar on a terminal, a line for each phase elsewhere."""

from __future__ import annotations

import contextlib

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

BANNER = """\
The model {model} is ready at {address}
Not clinical advice: a licensed clinician reviews what it says. Ctrl-C stops it.

Try in another terminal:
  curl -s {address}/llm/generate -H 'content-type: application/json' \\
    -d '{{"prompt": "What is a fever?", "max_tokens": 64}}'

  curl -sN {address}/llm/generate -H 'content-type: application/json' \\
    -d '{{"prompt": "What is a fever?", "max_tokens": 64, "stream": true}}'

  {python} -c "
from openai import OpenAI
chat = OpenAI(base_url='{address}/v1', api_key='none').chat.completions
ask = [{{'role': 'user', 'content': 'What is a fever?'}}]
print(chat.create(model='{model}', messages=ask, max_tokens=64).choices[0].message.content)"
"""


COLUMNS = (TextColumn("{task.description:<32}", markup=False), BarColumn(), TimeElapsedColumn())


class ProgressDisplay:
    """Shows one step at a time on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._last = ""

    @property
    def is_terminal(self) -> bool:
        """Return whether a person is watching."""
        return self._console.is_terminal

    def step(self, sentence: str, fraction: float | None) -> None:
        """Show the current step, and the share of it that is done."""
        if self.is_terminal:
            self._show_bar(sentence, fraction)
        elif sentence != self._last:
            self._print(f"==> {sentence}")
        self._last = sentence

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
