"""Minutes of a first start, told before it begins."""

from pathlib import Path

import pytest

from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.plan import EnginePlan, make_plan
from launcher.planning.start_times import sentence, steps
from launcher.settings import load


def plan(**ours: str) -> EnginePlan:
    settings = load({f"MMHIE_{name.upper()}": text for name, text in ours.items()}, None)
    return make_plan(settings, parse("1x24"), read_model(settings, hub=Path("/nowhere")))


@pytest.mark.parametrize(
    ("ours", "names"),
    [
        ({}, ["fetch at 1 Gbit/s", "merge", "load", "compile", "CUDA graphs"]),
        ({"merge_adapter": "false"}, ["fetch at 1 Gbit/s", "load", "compile", "CUDA graphs"]),
        ({"reasoner_model": "embedded"}, ["load", "compile", "CUDA graphs"]),
    ],
)
def test_the_steps_of_a_start(ours: dict[str, str], names: list[str]) -> None:
    """Each that has to be done, with about the minutes it takes."""
    assert [step.name for step in steps(plan(**ours).decisions)] == names


def test_the_sum_comes_first() -> None:
    """For the default model within what was seen elsewhere: below a quarter of an hour."""
    made = plan()

    assert sentence(made.decisions).startswith("a first start takes about 8 minutes, by estimate: ")
    assert sentence(made.decisions) in made.reasons
