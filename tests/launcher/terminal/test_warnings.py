"""Warnings on an answer, in words, at the terminal as in the console."""

import re

from gateway.console.assets import PAGE
from launcher.terminal.terminal import WARNINGS, list_warnings

TABLE = re.compile(r"export const WARNINGS = \{(.*?)\};", re.DOTALL)


def test_every_warning_has_a_sentence() -> None:
    """The same warnings as in the console; a code that neither knows is shown as it is."""
    match = TABLE.search((PAGE / "words.js").read_text())

    assert match is not None
    assert set(re.findall(r"^  (\w+):", match[1], re.MULTILINE)) == set(WARNINGS)
    assert all(sentence.endswith(".") and "_" not in sentence for sentence in WARNINGS.values())
    told = list_warnings({"truncated": "in_answer", "warnings": ["empty_answer", "new_code"]})
    assert told[1:] == [WARNINGS["empty_answer"], "Warning: new_code."]
