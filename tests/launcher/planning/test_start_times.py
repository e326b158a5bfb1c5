"""Minutes of a first start, told before it begins."""

from dataclasses import replace
from typing import Any

import pytest

from launcher.models.config import from_config
from launcher.models.resolve import ALL
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.planning.start_times import (
    engine_steps,
    preparing_steps,
    sentence,
    start_limit_s,
)
from tests.gpu_engine.models import MODELS
from tests.launcher.plans import plan

BITSANDBYTES = Installation(plugins=frozenset({"bitsandbytes"}))

DEEPSEEK = from_config(MODELS["deepseek-v3"], source="v3")


@pytest.mark.parametrize(
    ("ours", "names"),
    [
        ({}, ["fetch at 1 Gbit/s", "merge", "load", "compile", "CUDA graphs"]),
        ({"merge_adapter": "false"}, ["fetch at 1 Gbit/s", "load", "compile", "CUDA graphs"]),
        ({"reasoner_model": "embedded"}, ["unpack", "load", "compile", "CUDA graphs"]),
    ],
)
def test_the_steps_of_a_start(ours: dict[str, Any], names: list[str]) -> None:
    """Each that has to be done, with about the minutes it takes."""
    decided = plan("1x24", **ours)

    assert [*preparing_steps(decided), *engine_steps(decided)] == names


def test_a_large_model_may_take_longer_to_start() -> None:
    """The limit is the setting's, or twice the estimate where that is more."""
    small = plan("1x24")
    large = replace(small, model=DEEPSEEK)

    assert start_limit_s(small) == 900
    assert start_limit_s(large) == pytest.approx(2 * (652 * 2**30 / 250e6 + 225), rel=0.1)
    assert start_limit_s(replace(large, hardware=parse("cpu"))) == 900


def test_the_files_are_fetched_and_read() -> None:
    """Not the smaller weights that are made of them while they load: 70B in bitsandbytes."""
    model = from_config(MODELS["llama-70b"], source="70b")
    made = plan("4xa100", BITSANDBYTES, model=replace(model, missing=ALL), quantize="bitsandbytes")

    assert "fetch at 1 Gbit/s 20.4, load 9.4," in sentence(made)


def test_the_sum_comes_first() -> None:
    """For the default model within what was seen elsewhere: below a quarter of an hour."""
    made = plan("1x24")

    assert sentence(made).startswith("a first start takes about 8 minutes, by estimate: ")
    assert sentence(made) in made.reasons
