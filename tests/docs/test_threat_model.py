"""No threat of the threat model is without a test; test_paths.py finds each of them."""

import re

from tests.contract.process import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
THREATS = re.search(r"^## Threats$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
ROWS = [
    line
    for line in (THREATS[1] if THREATS else "").splitlines()
    if line.startswith("| ") and not line.startswith("| threat |")
]


def test_every_threat_has_its_test() -> None:
    """Three columns, the last of them tests."""
    assert len(ROWS) > 40
    for row in ROWS:
        *columns, tests = row.strip("| ").split(" | ")

        assert len(columns) == 2, row
        assert NAMED.sub("", tests).strip(", ") == ""
        assert NAMED.search(tests)
