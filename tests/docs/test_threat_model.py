"""Threat model and faults name tests: they exist, and no threat or finding is without one."""

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
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("row", ROWS)
def test_every_threat_has_its_test(row: str) -> None:
    """Three columns, the last of them tests that the first check knows."""
    *_, tests = row.strip("| ").split(" | ")

    assert len(row.strip("| ").split(" | ")) == 3
    assert NAMED.sub("", tests).strip(", ") == ""
    assert NAMED.search(tests)


@pytest.mark.parametrize("page", [PAGE, FAULTS], ids=["threat model", "faults"])
def test_every_finding_has_an_area_and_a_test(page: str) -> None:
    """The area is a folder or module of the project."""
    findings = page.partition("\n## Findings\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in findings.splitlines() if "tests/" in line]

    assert len(rows) > 10
    for *_, area, tests in rows:
        assert (ROOT / area).is_dir() or (ROOT / f"{area}.py").is_file(), area
        assert NAMED.search(tests)
        assert NAMED.sub("", tests).strip(", ") == ""


def test_there_are_threats() -> None:
    """The page is read as it is written."""
    assert len(ROWS) > 40
