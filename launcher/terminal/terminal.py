"""Output of an answer as text, without control characters."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from launcher.json_types import JsonView

# A terminal obeys escape sequences, and a model must not control it. Line ends and tabs stay.
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
DIM, YELLOW, BOLD_RED, BOLD_YELLOW = "2", "33", "1;31", "1;33"
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
    "reasoning_withheld": "The operator does not show the model's reasoning with this key.",
    "harmony_markers_stripped": "Marks of the model's own format were removed from the answer.",
    "other_model": "Another model than the one that is served has answered: tell the operator.",
    "reasoning_not_separated": "Reasoning and answer are not separated in this text.",
}


class TextOutput:
    """Writes an answer as the model has written it, in colours on a terminal."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._has_colours = file.isatty() and not os.environ.get("NO_COLOR")
        self._is_reasoning = self._has_begun = False

    def write(self, text: str, style: str = "", end: str = "\n") -> None:
        """Write text without control characters, in a style of the terminal."""
        shown = remove_controls(text)
        if style and self._has_colours:
            shown = f"\x1b[{style}m{shown}\x1b[0m"
        self._file.write(f"{shown}{end}")
        self._file.flush()

    def notices(self, notices: Sequence[Mapping[str, str]]) -> None:
        """Write each on a line of its own."""
        for notice in notices:
            text = f"[notice] {notice['message']} {notice.get('not_triage', '')}\n"
            self.write(text, BOLD_RED)

    def reasoning(self, text: str) -> None:
        """Write reasoning under its mark."""
        self.write(text if self._is_reasoning else f"[reasoning]\n{text}", DIM, end="")
        self._is_reasoning = self._has_begun = True

    def text(self, text: str) -> None:
        """Write the next part of the answer."""
        self.write(f"\n[answer]\n{text}" if self._is_reasoning else text, end="")
        self._is_reasoning, self._has_begun = False, True

    def end(self) -> None:
        """End the line, where one was begun."""
        if self._has_begun:
            self.write("")
        self._has_begun = self._is_reasoning = False

    def warning(self, sentence: str) -> None:
        self.write(f"\n[warning] {sentence}", BOLD_YELLOW)


def remove_controls(text: str) -> str:
    return CONTROLS.sub("", text)


def align_rows(rows: Mapping[str, object]) -> list[str]:
    """Return a line for each row that has a text, the texts below each other."""
    width = max(map(len, rows)) + 2
    return [f"{name + ':':<{width}}{text}" for name, text in rows.items() if text]


def write_closing(output: TextOutput, mmhie: JsonView) -> None:
    """Write the provenance of an ended answer and its warnings, then disclaimer and note."""
    origin = mmhie.get("provenance") or {}
    if facts := [origin[name] for name in ("model", "time", "request_id") if origin.get(name)]:
        output.write(f"\n({', '.join(map(str, facts))})", DIM)
    for sentence in list_warnings(mmhie):
        output.warning(sentence)
    notes = ((mmhie.get("disclaimer") or {}).get("text"), mmhie.get("emergency_note"))
    if text := "\n".join(filter(None, notes)):
        output.write(f"\n{text}", YELLOW)


def list_warnings(mmhie: JsonView) -> list[str]:
    """Return a sentence for each truncation and warning of an answer."""
    cut = mmhie.get("truncated")
    sentences = [TRUNCATED.get(cut, f"The answer was cut ({cut}).")] if cut else []
    codes = mmhie.get("warnings") or ()
    return sentences + [WARNINGS.get(code, f"Warning: {code}.") for code in codes]
