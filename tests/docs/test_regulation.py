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
COMMAND = re.compile(r"`mmhie ([a-z -]+?)(?: (--[a-z]+))?`")
REQUEST = re.compile(r"`(?:GET|POST) (/\S+)`")
TEXTS = (
    "Article 12, Article 13, Article 14, Article 15, Article 26, Article 30, Article 32, "
    "Criterion 4, (b)(11), DCB0129, DCB0160, A.6.2.8"
)


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


@pytest.mark.parametrize("text", TEXTS.split(", "))
def test_a_text_has_its_row(text: str) -> None:
    """None of those that regulators ask for is passed over."""
    assert any(text in row[0] for row in ROWS)


def test_the_page_claims_nothing() -> None:
    """It says so, in at most a hundred lines."""
    assert "No conformity is claimed" in "\n".join(LINES)
    assert len(LINES) <= 100
