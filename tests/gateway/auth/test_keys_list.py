"""`mmhie keys list` in terminals of every width."""

import io

import pytest
from rich.console import Console

from gateway.auth.keys import Key
from gateway.cli.command import print_rows
from gateway.cli.keys import row
from gateway.principal import PrincipalLimits

NAMES = ("backend", "ward-7-clinicians-of-the-north-campus")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_name_is_shortened(width: int) -> None:
    """`keys revoke` takes it whole: a paragraph for each key where a table has no room."""
    console = Console(file=io.StringIO(), width=width)
    limits = PrincipalLimits(4, 100, 100_000)
    rows = [
        row(Key(name=name, sha256="0" * 64, scopes=("generate",), created=0.0, limits=limits), 1.0)
        for name in NAMES
    ]
    print_rows(rows, console)

    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for whole in (*NAMES, "100000 tokens/min", "1970-01-01"):
        assert whole in shown
    assert ("  priority  routine" in shown) is (width < 200)


def test_without_keys() -> None:
    """A file without keys lists nothing."""
    console = Console(file=io.StringIO(), width=80)
    print_rows([], console)

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().strip() == ""


def test_brackets_in_a_name_are_shown() -> None:
    """A subject of a token is text and no markup, which could not be closed here."""
    console = Console(file=io.StringIO(), width=80)
    print_rows([{"person": "dr. [/b] weber"}], console)

    assert isinstance(console.file, io.StringIO)
    assert "dr. [/b] weber" in console.file.getvalue()
