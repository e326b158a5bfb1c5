"""The number of engines: all GPUs are used unless a setting says otherwise."""

from typing import Any

import pytest

from launcher.planning.card_choice import with_engines
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from tests.launcher.plans import facts, settings


def engines(gpus: str, *, has_router: bool = True, **ours: Any) -> int | None:
    chosen, installed = settings(**ours), Installation(has_router=has_router)
    return with_engines(chosen, parse(gpus), facts(chosen.model), installed).engines


@pytest.mark.parametrize(
    ("gpus", "count"),
    [("1x24", 1), ("4x24", 4), ("3x24", 3), ("2x12", 1), ("5x12", 2), ("cpu", 1)],
)
def test_copies_fill_the_machine(gpus: str, count: int) -> None:
    """One on each group of GPUs that a copy needs."""
    assert engines(gpus) == count


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({"engines": 1}, 1),
        ({"engines": 2}, 2),
        ({"tensor_parallel": 2}, 1),
        ({"pipeline_parallel": 2}, 1),
        ({"data_parallel": 2}, 1),
        ({"device_map": "null"}, 1),
        ({"device_map": "balanced"}, 1),
        ({"device": "cpu", "reasoner_model": "embedded"}, 1),
        ({"device": "cuda", "device_map": "auto", "quantize": "bitsandbytes"}, 4),  # the README's
        ({"has_router": False}, 1),
    ],
)
def test_another_layout_is_left_alone(told: dict[str, Any], count: int) -> None:
    """Whoever lays out the GPUs decides about all of them; `auto` is no layout, and without a
    router several engines would not be reachable under one address."""
    assert engines("4x24", **told) == count
