"""Each part of a control is removed in a copy of the tree, and its test fails."""

from pathlib import Path

import pytest

from scripts import control_removals
from scripts.control_removals import Case

pytestmark = pytest.mark.slow

CASES = control_removals.cases()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return control_removals.copy_tree(tmp_path_factory.mktemp("removals"))


@pytest.fixture(scope="module")
def runnable(tree: Path) -> set[str]:
    """The tests that pass as long as nothing is removed."""
    return control_removals.find_passing(tree, (case.test for case in CASES))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_the_control_its_test_fails(tree: Path, runnable: set[str], case: Case) -> None:
    """And not because nothing can be imported or started; a program that lacks is said."""
    outcome, output = control_removals.outcome(tree, case, runnable)
    if outcome == "not run":
        pytest.skip(f"{case.test} lacks a program")

    assert outcome == "red", (case.name, output[-2000:])
