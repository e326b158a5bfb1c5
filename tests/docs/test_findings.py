"""docs/records/findings.toml: each finding names an area and tests, which test_paths.py finds."""

import tomllib
from typing import Any

import pytest

from tests.contract.process import ROOT
from tests.docs.examples import DOCS
from tests.docs.test_paths import TEST

FINDINGS = tomllib.loads((DOCS / "records" / "findings.toml").read_text())["finding"]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding["finding"][:40])
def test_a_finding_has_an_area_and_a_test(finding: dict[str, Any]) -> None:
    """The area is a folder or a module of the project, and a test proves the repair."""
    area = finding["area"]

    assert (ROOT / area).is_dir() or (ROOT / f"{area}.py").is_file()
    assert all(TEST.fullmatch(test) for test in finding["tests"])
    assert finding["tests"]
    assert finding.get("severity", "low") in ("low", "medium", "high")
