"""The text of an answer at a terminal, and its warnings in words, as in the console."""

import io
import re

from gateway.console.assets import PAGE
from launcher.terminal.terminal import WARNINGS, TextOutput, list_warnings, write_closing

TABLE = re.compile(r"export const WARNINGS = \{(.*?)\};", re.DOTALL)


def test_every_warning_has_a_sentence() -> None:
    """The same warnings as in the console; a code that neither knows is shown as it is."""
    match = TABLE.search((PAGE / "words.js").read_text())

    assert match is not None
    assert set(re.findall(r"^  (\w+):", match[1], re.MULTILINE)) == set(WARNINGS)
    assert all(sentence.endswith(".") and "_" not in sentence for sentence in WARNINGS.values())
    told = list_warnings({"truncated": "in_answer", "warnings": ["empty_answer", "new_code"]})
    assert told[1:] == [WARNINGS["empty_answer"], "Warning: new_code."]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_swallowed_and_nothing_obeyed() -> None:
    """Marks that mean something in medicine stay; a terminal gets no orders from a model."""
    screen, pipe = Screen(), io.StringIO()
    for file in (screen, pipe):
        output = TextOutput(file)
        output.text("> 38.5 \x1b[31mHLA-B*57\x1b]0;title\x07\n\t~~5~~\r")
        output.text(" \x9b1mml")
        output.end()
        write_closing(output, {"disclaimer": {"text": "Draft.\x1b[2J"}})
    answer = "> 38.5 [31mHLA-B*57]0;title\n\t~~5~~ 1mml\n"

    assert pipe.getvalue() == f"{answer}\nDraft.[2J\n"
    assert screen.getvalue() == f"{answer}\x1b[33m\nDraft.[2J\x1b[0m\n"
