"""A model's Markdown, on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from launcher.terminal.markdown import measure_complete_blocks, remove_controls, render


def shown(text: str) -> str:
    """The rendered text without styles, lines stripped."""
    file = io.StringIO()
    Console(file=file, width=60).print(render(text))
    lines = file.getvalue().replace("─", "-").strip().splitlines()
    return "\n".join(line.strip() for line in lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**b** and *i*", "b and i"),
        ("> 38.5 °C", "> 38.5 °C"),
        ("HLA-B*57 and HLA-B*58", "HLA-B*57 and HLA-B*58"),
        ("2*3*4", "2*3*4"),
        ("`a*b*c`", "a*b*c"),
        ("Na <130 and <b>K</b> >5", "Na <130 and <b>K</b> >5"),
        ("~~5 ml~~", "~~5 ml~~"),
        ("temperature\n---", "temperature\n\n" + "-" * 60),
        ("[x](http://a.example)", "x (http://a.example)"),
        ("\x1b[31mred\x1b]0;title\x07 \x9b1m", "[31mred]0;title 1m"),
    ],
)
def test_nothing_is_swallowed_and_nothing_obeyed(text: str, expected: str) -> None:
    """Marks that mean something in medicine stay; a terminal gets no orders from a model."""
    assert shown(text) == expected


def test_line_ends_and_tabs_stay() -> None:
    """Line ends and tabs stay, as text."""
    assert remove_controls("a\n\tb\r\x00c") == "a\n\tbc"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("a", ""),
        ("a\n\nb", "a\n\n"),
        ("a\n\nb\n\n", "a\n\nb\n\n"),
        ("```\na\n\nb", ""),
        ("x\n\n```\na\n\nb", "x\n\n"),
        ("```\na\n\nb\n```\n\nc", "```\na\n\nb\n```\n\n"),
        ("\n\na", ""),
    ],
)
def test_only_whole_blocks_are_printed_for_good(text: str, whole: str) -> None:
    """A blank line ends one, but not within code."""
    assert text[: measure_complete_blocks(text)] == whole
