"""Each control of the safety case is removed in a copy of the tree, and its first test fails."""

from pathlib import Path

import pytest

from scripts import control_removals
from scripts.render.safety_case import Control, hazards

pytestmark = pytest.mark.slow

CONTROLS = [(hazard.id, control) for hazard in hazards() for control in hazard.controls]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return control_removals.copy_tree(tmp_path_factory.mktemp("removals"))


@pytest.fixture(scope="module")
def runnable(tree: Path) -> set[str]:
    """The tests that pass as long as nothing is removed."""
    return control_removals.find_passing(tree, [control for _, control in CONTROLS])


@pytest.mark.parametrize(("hazard", "control"), CONTROLS)
def test_without_the_control_its_test_fails(
    tree: Path, runnable: set[str], hazard: str, control: Control
) -> None:
    """And not because nothing can be imported or started; a program that lacks is said."""
    outcome, output = control_removals.outcome(tree, control, runnable)
    if outcome == "not run":
        pytest.skip(f"{control.tests[0]} lacks a program")

    assert outcome == "red", (hazard, control.control, output[-2000:])
