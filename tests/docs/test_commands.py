"""The commands in docs/cli.md are those of the command line, with their options."""

import re
from typing import Any

import pytest
import typer

from launcher.cli.app import COMMANDS, build_command_line
from tests.docs.examples import DOCS

PAGE = (DOCS / "cli.md").read_text()
LINE = re.compile(
    r"^- \*\*`mmhie (?P<name>[a-z ]*[a-z])(?: \[?[A-Z_]+\]?)?`\*\*: .*$", re.MULTILINE
)
LINES = {match["name"]: match[0] for match in LINE.finditer(PAGE)}
COMMON = {"--help", "--json", "--url", "--key"}  # described once, at the top of the page


def test_every_command_is_listed() -> None:
    """And none that there is not, in the order of the command line."""
    assert set(LINES) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_options(name: str) -> None:
    """Each that is its own, and no other."""
    command: Any = typer.main.get_command(build_command_line())
    for word in name.split():
        command = command.get_command(None, word)
    options = {option for each in command.params for option in each.opts[:1] if "-" in option}
    listed = set(re.findall(r"`(--[a-z-]+)`", LINES[name].partition("Options: ")[2]))

    assert listed - COMMON == options - COMMON
