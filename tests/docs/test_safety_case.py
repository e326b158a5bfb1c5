"""The safety case: complete hazards, and controls whose tests exist, are collected and run.

A test of a program that is not installed is skipped as everywhere (CONTRIBUTING.md); a mark that
would skip it for another reason is refused.
"""

import ast
import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest

from scripts.control_removals import cases
from scripts.render.safety_case import (
    FOLDER,
    KINDS,
    MEASURED,
    REMOVALS,
    Control,
    Hazard,
    Share,
    hazards,
    risk,
    scales,
    score,
)
from tests.contract.process import ROOT

LOG = hazards()
PROOFS = sorted({test for hazard in LOG for control in hazard.controls for test in control.tests})
CONTROLS = [(hazard.id, control) for hazard in LOG for control in hazard.controls]
# Marks that would keep a test from running; `slow` and `engine` only say when it does.
NOT_RUN = {"skip", "skipif", "xfail"}


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


@pytest.mark.parametrize("test", PROOFS)
def test_no_named_test_is_left_out(test: str) -> None:
    """Neither the test nor its file is skipped, or expected to fail."""
    file, _, name = test.partition("::")
    tree = parsed(file)
    (function,) = [node for node in tree.body if getattr(node, "name", "") == name]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)

    assert not NOT_RUN & set(marks(*function.decorator_list, *marks_of_file(tree)))


@cache
def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def marks_of_file(tree: ast.Module) -> list[ast.expr]:
    """Return what the file gives all of its tests as `pytestmark`."""
    return [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]


def marks(*expressions: ast.expr) -> list[str]:
    """Return the names of the marks in expressions, also of those within lists."""
    return re.findall(r"pytest\.mark\.(\w+)", " ".join(map(ast.unparse, expressions)))


@pytest.mark.parametrize("hazard", LOG, ids=lambda hazard: hazard.id)
def test_a_hazard_is_complete(hazard: Hazard) -> None:
    """Causes, situation, harm, risk before and after, what is left, and what a site must do."""
    texts = (hazard.title, hazard.situation, hazard.harm, hazard.residual)
    assert all(texts)
    assert hazard.causes
    assert hazard.controls
    assert hazard.site
    assert 1 <= hazard.after <= hazard.before <= 5


@pytest.mark.parametrize("hazard", LOG, ids=lambda hazard: hazard.id)
def test_information_alone_lowers_no_likelihood_by_more_than_one_step(hazard: Hazard) -> None:
    """ISO 14971 counts it last: nobody knows who reads it."""
    steps = list(scales()["likelihood"])
    lowered = steps.index(hazard.likelihood) - steps.index(hazard.left)

    assert lowered <= 1 or {control.kind for control in hazard.controls} != {"information"}


@pytest.mark.parametrize(("hazard", "control"), CONTROLS)
def test_a_control_is_proved(hazard: str, control: Control) -> None:
    """Each is of a kind that ISO 14971 knows, names at least one test, and what to remove."""
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


@pytest.mark.parametrize(
    ("worst", "left"), [(0.73, "high"), (0.5, "high"), (0.31, "medium"), (0.04, "medium")]
)
def test_what_was_measured_is_scored_by_its_worst_group(
    monkeypatch: pytest.MonkeyPatch, worst: float, left: str
) -> None:
    """The log's own likelihood is the least: nobody has measured the harm."""
    (hazard,) = [hazard for hazard in LOG if hazard.id == "H03"]
    shares = [Share(0.02, "all"), Share(worst, "up to 6 words")]
    monkeypatch.setitem(MEASURED, "missed", lambda: shares)
    scored = score(replace(hazard, left="medium", residual="{all} of all, {worst} of {group}"))

    assert scored.left == left
    assert scored.residual == f"2% of all, {worst:.0%} of up to 6 words"


def test_ids_are_unique_and_in_order() -> None:
    """A hazard keeps its number: other documents refer to it."""
    assert [hazard.id for hazard in LOG] == [f"H{number:02}" for number in range(1, len(LOG) + 1)]


def test_the_matrix_is_that_of_the_guidance() -> None:
    """As DCB0129's implementation guidance has it, corner by corner."""
    assert risk("minor", "very low") == 1
    assert risk("minor", "very high") == 3
    assert risk("catastrophic", "very low") == 3
    assert risk("catastrophic", "very high") == 5
    assert risk("major", "medium") == 3
    assert risk("considerable", "high") == 3


@pytest.mark.parametrize("page", ["index.md", "deploying-organisation.md"])
def test_what_is_not_acceptable_is_named(page: str) -> None:
    """By its number, where a reader decides."""
    text = (FOLDER / page).read_text()
    unacceptable = [hazard.id for hazard in LOG if hazard.after >= 4]

    assert f"{', '.join(unacceptable[:-1])} and {unacceptable[-1]}" in re.sub(r"[()]", "", text)
