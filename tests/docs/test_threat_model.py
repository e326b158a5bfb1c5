"""Threat model and faults name tests: they exist, and no threat is without one."""

import re

import pytest

from tests.contract.process import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text()
FAULTS = (ROOT / "docs" / "faults.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
THREATS = re.search(r"^## Threats$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
ROWS = [
    line
    for line in (THREATS[1] if THREATS else "").splitlines()
    if line.startswith("| ") and not line.startswith("| threat |")
]


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE + FAULTS))))
def test_a_named_test_is_there(file: str, name: str) -> None:
    """Under that name, in that file."""
    assert is_defined(file, name)


def is_defined(file: str, name: str) -> bool:
    """Return whether a file has a test of that name."""
    return bool(re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE))


@pytest.mark.parametrize("row", ROWS)
def test_every_threat_has_its_test(row: str) -> None:
    """Three columns, the last of them tests that the first check knows."""
    *_, tests = row.strip("| ").split(" | ")

    assert len(row.strip("| ").split(" | ")) == 3
    assert NAMED.sub("", tests).strip(", ") == ""
    assert NAMED.search(tests)


def test_there_are_threats() -> None:
    """The page is read as it is written."""
    assert len(ROWS) > 40
