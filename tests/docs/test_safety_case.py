"""The safety case: complete hazards, and controls whose tests exist and are collected."""

import json
import subprocess
import sys

import pytest

from scripts.control_removals import cases
from scripts.render.safety_case import KINDS, REMOVALS, hazards, scales
from tests.contract.process import ROOT

LOG = hazards()
PROOFS = sorted({test for hazard in LOG for control in hazard.controls for test in control.tests})


def collected(tests: list[str]) -> "subprocess.CompletedProcess[str]":
    """Have pytest collect tests by their names, without running them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    return subprocess.run([*command, *tests], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_every_named_test_is_collected() -> None:
    """Under its name, in its file: pytest refuses one that it does not find."""
    done = collected(PROOFS)
    listed = {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line}

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert listed == set(PROOFS)


def test_a_hazard_is_complete() -> None:
    """Causes, situation, harm, risk before and after, what is left, and what a site must do."""
    for hazard in LOG:
        texts = (hazard.title, hazard.situation, hazard.harm, hazard.residual)
        assert all((*texts, hazard.causes, hazard.controls, hazard.site)), hazard.id
        assert 1 <= hazard.after <= hazard.before <= 5, hazard.id


def test_information_alone_lowers_no_likelihood_by_more_than_one_step() -> None:
    """ISO 14971 counts it last: nobody knows who reads it."""
    steps = list(scales()["likelihood"])
    for hazard in LOG:
        lowered = steps.index(hazard.likelihood) - steps.index(hazard.left)
        kinds = {control.kind for control in hazard.controls}
        assert lowered <= 1 or kinds != {"information"}, hazard.id


def test_a_control_is_proved() -> None:
    """Each is of a kind that ISO 14971 knows, names at least one test, and what to remove."""
    for control in (control for hazard in LOG for control in hazard.controls):
        assert control.kind in KINDS
        assert 1 <= len(control.removals) <= len(control.tests)
        for removal in control.removals:
            assert (ROOT / removal.file).read_text().count(removal.find) == 1, removal
            assert removal.find != removal.replace


def test_the_evidence_is_of_these_controls() -> None:
    """Each was removed once, and its test failed; a new one is removed before it is claimed."""
    outcomes = json.loads(REMOVALS.read_text())["outcomes"]

    assert list(outcomes) == [case.name for case in cases()]
    assert set(outcomes.values()) == {"red"}


def test_the_plan_has_the_scales_and_the_matrix() -> None:
    """The hazard log is scored by the same ones."""
    page = (ROOT / "docs" / "safety-case" / "risk-management-plan.md").read_text()
    known = scales()
    rows = [(name, *risks) for name, risks in known["matrix"].items()]

    for row in (*known["severity"].items(), *known["likelihood"].items(), *rows):
        assert f"| {' | '.join(map(str, row))} |\n" in page
