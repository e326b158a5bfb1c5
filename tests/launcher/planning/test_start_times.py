"""Minutes of a first start, told before it begins."""

from typing import Any

import pytest

from launcher.planning.start_times import sentence, steps
from tests.launcher.plans import plan


@pytest.mark.parametrize(
    ("ours", "names"),
    [
        ({}, ["fetch at 1 Gbit/s", "merge", "load", "compile", "CUDA graphs"]),
        ({"merge_adapter": "false"}, ["fetch at 1 Gbit/s", "load", "compile", "CUDA graphs"]),
        ({"reasoner_model": "embedded"}, ["load", "compile", "CUDA graphs"]),
    ],
)
def test_the_steps_of_a_start(ours: dict[str, Any], names: list[str]) -> None:
    """Each that has to be done, with about the minutes it takes."""
    assert [step.name for step in steps(plan("1x24", **ours).decisions)] == names


def test_the_sum_comes_first() -> None:
    """For the default model within what was seen elsewhere: below a quarter of an hour."""
    made = plan("1x24")

    assert sentence(made.decisions).startswith("a first start takes about 8 minutes, by estimate: ")
    assert sentence(made.decisions) in made.reasons
