"""Where an answer is read: a terminal that is drawn on, or a pipe that is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from launcher.terminal.markdown import harmless, rendered, settled

CAVEAT = "Reasoning (not a faithful account of the answer, and not part of it)"
TRUNCATED = {
    "in_answer": "The answer was cut off: it reached its budget of tokens.",
    "in_reasoning": "The model was cut off while it was still reasoning.",
    "input": "The question was too long and was cut.",
}


class Screen(Protocol):
    """What is told of an answer, in the order in which it is known."""

    def notice(self, notices: Sequence[Mapping[str, str]]) -> None: ...
    def reason(self, text: str) -> None: ...
    def write(self, text: str) -> None: ...
    def end(self) -> None: ...
    def remark(self, sentence: str) -> None: ...
    def disclaim(self, text: str) -> None: ...


class Terminal:
    """Blocks that are whole are printed for good; only the last one is drawn anew as it grows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._rest = ""
        self._is_reasoning = False

    def notice(self, notices: Sequence[Mapping[str, str]]) -> None:
        """Red flags, in a frame, before anything else."""
        for one in notices:
            told = Text(harmless(one["message"]), style="bold red")
            told.append(f"\n{harmless(one.get('not_triage', ''))}", style="not bold default")
            self._console.print(Panel(told, border_style="red", title="Notice", title_align="left"))

    def reason(self, text: str) -> None:
        """Dim, under its caveat, as it comes."""
        if not self._is_reasoning:
            self._is_reasoning = True
            self._console.print(Text(CAVEAT, style="italic yellow"))
        self._console.print(Text(harmless(text), style="dim"), end="", soft_wrap=True)

    def write(self, text: str) -> None:
        """The next piece of the answer."""
        if self._is_reasoning:
            self._is_reasoning = False
            self._console.print("\n")
        self._rest += text
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        whole = settled(self._rest)
        if whole:
            self._console.print(rendered(self._rest[:whole]))
            self._console.print()
            self._rest = self._rest[whole:]
        self._live.update(rendered(self._rest), refresh=True)

    def end(self) -> None:
        """The answer goes no further; what was drawn becomes print."""
        if self._is_reasoning:
            self._is_reasoning = False
            self._console.print()
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.print(rendered(self._rest))
            self._rest = ""

    def remark(self, sentence: str) -> None:
        """What a reader has to know of the answer."""
        self._console.print(Text(f"! {harmless(sentence)}", style="bold yellow"))

    def disclaim(self, text: str) -> None:
        """The safety notice."""
        self._console.print(Text(harmless(text), style="yellow"))


class Pipe:
    """Plain text, unformatted, the notice as the closing paragraph."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_reasoning = self._has_begun = False

    def _put(self, text: str, end: str = "\n") -> None:
        self._console.file.write(f"{harmless(text)}{end}")
        self._console.file.flush()

    def notice(self, notices: Sequence[Mapping[str, str]]) -> None:
        """Each on a line of its own."""
        for one in notices:
            self._put(f"[notice] {one['message']} {one.get('not_triage', '')}\n")

    def reason(self, text: str) -> None:
        """Between its marks."""
        self._put(text if self._is_reasoning else f"[reasoning]\n{text}", end="")
        self._is_reasoning = self._has_begun = True

    def write(self, text: str) -> None:
        """As it comes."""
        self._put(f"\n[answer]\n{text}" if self._is_reasoning else text, end="")
        self._is_reasoning, self._has_begun = False, True

    def end(self) -> None:
        """The line's end, where one was begun."""
        if self._has_begun:
            self._put("")
        self._has_begun = self._is_reasoning = False

    def remark(self, sentence: str) -> None:
        """On a line of its own."""
        self._put(f"\n[warning] {sentence}")

    def disclaim(self, text: str) -> None:
        """The closing paragraph."""
        self._put(f"\n{text}")


def close(screen: Screen, told: Mapping[str, Any]) -> None:
    """What is told of an answer once it has ended."""
    if told.get("truncated"):
        where = told["truncated"]
        screen.remark(TRUNCATED.get(where, f"The answer was cut ({where})."))
    for warning in told.get("warnings") or ():
        screen.remark(f"Warning: {warning}.")
    if text := (told.get("disclaimer") or {}).get("text"):
        screen.disclaim(text)
