"""The alert rules: tested by promtool, each firing and silent, each with a page to turn to."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability import queries
from tests.observability.prometheus import program

pytestmark = pytest.mark.slow

FOLDER = queries.ALERTS.parent
TESTS = [FOLDER / "alerts_test.yml", FOLDER / "drift_test.yml"]  # in minutes, and in hours
DOCS = Path(__file__).parents[2] / "docs"
# What fails now; what drifts; what does not arrive elsewhere.
RUNBOOKS = [DOCS / name for name in ("operations.md", "monitoring.md", "audit.md")]


@functools.cache
def expectations() -> list[dict[str, Any]]:
    """Every expectation of the rule tests."""
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    return [rule for test in tests for rule in test["alert_rule_test"]]


def test_promtool_is_content() -> None:
    """The rules parse and do what their tests say."""
    done = subprocess.run(
        [program("promtool"), "test", "rules", *TESTS], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", queries.alerts())
def test_every_alert_is_tested_both_ways(name: str) -> None:
    """It fires in one test and is silent in another."""
    answers = {
        bool(expectation["exp_alerts"])
        for expectation in expectations()
        if expectation["alertname"] == name
    }

    assert answers == {True, False}


def test_every_alert_has_its_section_in_the_runbook() -> None:
    """Under its own name; a renamed alert takes its section along."""
    parts = [page.read_text().partition("## Alerts\n")[2] for page in RUNBOOKS]
    text = "\n".join(part.partition("\n## ")[0] for part in parts)
    sections = re.findall(r"^### (\w+)$", text, re.MULTILINE)

    assert sorted(sections) == sorted(queries.alerts())
