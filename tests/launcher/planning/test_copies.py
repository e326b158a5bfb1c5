"""The number of engines: all GPUs are used unless a setting says otherwise."""

from typing import Any

import pytest

from launcher.models.resolve import read_model
from launcher.planning.card_choice import with_engines
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.settings import load


def engines(gpus: str, *, has_router: bool = True, **settings: Any) -> int | None:
    chosen = load({f"MMHIE_{name.upper()}": str(text) for name, text in settings.items()}, None)
    installed = Installation(has_router=has_router)
    return with_engines(chosen, parse(gpus), read_model(chosen), installed).engines


@pytest.mark.parametrize(
    ("gpus", "count"),
    [("1x24", 1), ("4x24", 4), ("3x24", 3), ("2x12", 1), ("5x12", 2), ("2x8x80", 1), ("cpu", 1)],
)
def test_copies_fill_the_machine(gpus: str, count: int) -> None:
    """One on each group of GPUs that a copy needs; several nodes are one engine's."""
    assert engines(gpus) == count


@pytest.mark.parametrize(
    "told",
    [
        {"engines": 1},
        {"tensor_parallel": 2},
        {"pipeline_parallel": 2},
        {"data_parallel": 2},
        {"device_map": "null"},
        {"device_map": "balanced"},
        {"device": "cpu", "reasoner_model": "embedded"},
    ],
)
def test_another_layout_is_left_alone(told: dict[str, Any]) -> None:
    """Whoever lays out the GPUs decides about all of them."""
    assert engines("4x80", **told) == 1


def test_the_readmes_line_uses_all_gpus() -> None:
    """`auto` is no layout, and bitsandbytes falls back to the model's own format."""
    line: dict[str, Any] = {"device": "cuda", "device_map": "auto", "quantize": "bitsandbytes"}

    assert engines("2x24", **line) == 2


def test_what_is_set_counts() -> None:
    """Fewer copies than would fit leave GPUs to others."""
    assert engines("4x80", engines=2) == 2


def test_without_a_router_there_is_one_engine() -> None:
    """Several would not be reachable under one address."""
    assert engines("4x80", has_router=False) == 1
