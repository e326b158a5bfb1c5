"""docs/regulation.md: each row has a command that exists, a test, and what the deployer does."""

import re

import pytest

from gateway.endpoints import NEEDS
from launcher.cli.app import COMMANDS
from tests.docs.examples import DOCS
from tests.docs.test_threat_model import NAMED

LINES = (DOCS / "regulation.md").read_text().splitlines()
ROWS = [
    line.strip("| ").split(" | ")
    for line in LINES
    if line.startswith("| ") and not line.startswith("| provision |")
]
COMMAND = re.compile(r"`mmhie ([a-z]+(?:[ -][a-z]+)*)(?: (--[a-z-]+))?`")
REQUEST = re.compile(r"`(?:GET|POST) (/\S+)`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_has_a_command_and_a_test(row: list[str]) -> None:
    """Under those names, one of each; and nothing is left to nobody."""
    _, asks, command, test, deployer = row
    named, proof = COMMAND.fullmatch(command), NAMED.fullmatch(test)
    request = REQUEST.fullmatch(command)

    if request is not None:
        assert request[1] in NEEDS
    else:
        assert named is not None
        assert named[1] in COMMANDS
        assert named[2] is None or f"`{named[2]}`" in (DOCS / "cli.md").read_text()
    assert proof is not None
    assert min(len(asks), len(deployer)) >= 10
