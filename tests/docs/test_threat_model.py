"""No threat of the threat model is without a test; test_paths.py finds each of them."""

import re

import pytest

from tests.contract.process import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
THREATS = re.search(r"^## Threats$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
ROWS = [
    line
    for line in (THREATS[1] if THREATS else "").splitlines()
    if line.startswith("| ") and not line.startswith("| threat |")
]


@pytest.mark.parametrize("row", ROWS)
def test_every_threat_has_its_test(row: str) -> None:
    """Three columns, the last of them tests."""
    *_, tests = row.strip("| ").split(" | ")

    assert len(row.strip("| ").split(" | ")) == 3
    assert NAMED.sub("", tests).strip(", ") == ""
    assert NAMED.search(tests)
