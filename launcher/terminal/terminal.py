"""Output of an answer: drawn on a terminal, or written to a pipe."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from launcher.json_types import JsonView
from launcher.terminal.markdown import measure_complete_blocks, remove_controls, render

CAVEAT = "Reasoning (not a faithful account of the answer, and not part of it)"
TRUNCATED = {
    "in_answer": "The answer was cut off at the token limit.",
    "in_reasoning": "The model was cut off while it was still reasoning.",
    "input": "The question was too long and was cut.",
}
WARNINGS = {
    "answer_shortened": "The reasoning left too few tokens for the answer: it was cut off.",
    "ended_early": "The model ended the answer early: it may not be complete.",
    "input_not_screened": "The question was not screened for emergencies.",
    "language_not_screened": "Questions in this language are not screened for emergencies.",
    "input_truncated": "The model has not seen all of the question.",
    "reasoning_cut": "The model's reasoning was ended at its token limit.",
    "reasoning_only": "There is reasoning and no answer.",
    "empty_answer": "The answer is empty.",
    "nothing_generated": "The model generated nothing.",
    "reasoning_withheld": "The operator does not show the model's reasoning with this key.",
    "harmony_markers_stripped": "Marks of the model's own format were removed from the answer.",
    "other_model": "Another model than the one that is served has answered: tell the operator.",
    "reasoning_not_separated": "Reasoning and answer are not separated in this text.",
}


class Output:
    """Shows the parts of an answer as they come; this one shows nothing."""

    def notices(self, notices: Sequence[Mapping[str, str]]) -> None: ...
    def reasoning(self, text: str) -> None: ...
    def text(self, text: str) -> None: ...
    def end(self) -> None: ...
    def warning(self, sentence: str) -> None: ...
    def disclaimer(self, text: str) -> None: ...


class TerminalOutput(Output):
    """Prints complete blocks once; only the last block is redrawn as it grows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._rest = ""
        self._is_reasoning = False

    def notices(self, notices: Sequence[Mapping[str, str]]) -> None:
        """Frame the red flags, before anything else."""
        for notice in notices:
            body = Text(remove_controls(notice["message"]), style="bold red")
            caveat = remove_controls(notice.get("not_triage", ""))
            body.append(f"\n{caveat}", style="not bold default")
            self._console.print(Panel(body, border_style="red", title="Notice", title_align="left"))

    def reasoning(self, text: str) -> None:
        """Print reasoning dim, under its caveat, as it comes."""
        if not self._is_reasoning:
            self._is_reasoning = True
            self._console.print(Text(CAVEAT, style="italic yellow"))
        self._console.print(Text(remove_controls(text), style="dim"), end="", soft_wrap=True)

    def text(self, text: str) -> None:
        """Draw the next part of the answer."""
        if self._is_reasoning:
            self._is_reasoning = False
            self._console.print("\n")
        self._rest += text
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        complete = measure_complete_blocks(self._rest)
        if complete:
            self._console.print(render(self._rest[:complete]))
            self._console.print()
            self._rest = self._rest[complete:]
        self._live.update(render(self._rest), refresh=True)

    def end(self) -> None:
        """Print the last block: the answer has ended."""
        if self._is_reasoning:
            self._is_reasoning = False
            self._console.print()
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.print(render(self._rest))
            self._rest = ""

    def warning(self, sentence: str) -> None:
        self._console.print(Text(f"! {remove_controls(sentence)}", style="bold yellow"))

    def disclaimer(self, text: str) -> None:
        self._console.print(Text(remove_controls(text), style="yellow"))


class PlainOutput(Output):
    """Writes plain text; disclaimer and emergency note are the closing paragraph."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_reasoning = self._has_begun = False

    def _write(self, text: str, end: str = "\n") -> None:
        self._console.file.write(f"{remove_controls(text)}{end}")
        self._console.file.flush()

    def notices(self, notices: Sequence[Mapping[str, str]]) -> None:
        """Write each on a line of its own."""
        for notice in notices:
            self._write(f"[notice] {notice['message']} {notice.get('not_triage', '')}\n")

    def reasoning(self, text: str) -> None:
        """Write reasoning between its marks."""
        self._write(text if self._is_reasoning else f"[reasoning]\n{text}", end="")
        self._is_reasoning = self._has_begun = True

    def text(self, text: str) -> None:
        """Write the next part of the answer."""
        self._write(f"\n[answer]\n{text}" if self._is_reasoning else text, end="")
        self._is_reasoning, self._has_begun = False, True

    def end(self) -> None:
        """End the line, where one was begun."""
        if self._has_begun:
            self._write("")
        self._has_begun = self._is_reasoning = False

    def warning(self, sentence: str) -> None:
        self._write(f"\n[warning] {sentence}")

    def disclaimer(self, text: str) -> None:
        self._write(f"\n{text}")


def write_closing(output: Output, mmhie: JsonView) -> None:
    """Write the warnings, the disclaimer and the emergency note after an answer has ended."""
    for sentence in list_warnings(mmhie):
        output.warning(sentence)
    notes = ((mmhie.get("disclaimer") or {}).get("text"), mmhie.get("emergency_note"))
    if text := "\n".join(filter(None, notes)):
        output.disclaimer(text)


def list_warnings(mmhie: JsonView) -> list[str]:
    """Return a sentence for each truncation and warning of an answer."""
    cut = mmhie.get("truncated")
    sentences = [TRUNCATED.get(cut, f"The answer was cut ({cut}).")] if cut else []
    codes = mmhie.get("warnings") or ()
    return sentences + [WARNINGS.get(code, f"Warning: {code}.") for code in codes]
