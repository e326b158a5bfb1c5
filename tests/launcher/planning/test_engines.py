"""The number of engines: all GPUs are used unless a setting says otherwise."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.cli.plan import smallest
from launcher.planning.cards import CARDS, Gpu
from launcher.planning.hardware import Hardware, choose_gpus, parse
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan
from launcher.planning.planner import count_engines, make_plans
from tests.gpu_engine.models import MODELS
from tests.launcher.plans import facts, settings, value

OPT, OSS = "facebook/opt-1.3b", "openai/gpt-oss-20b"
FREE = Gpu("H100", 79.2, (9, 0), free_gib=78.5)
LESS = Gpu("H100", 79.2, (9, 0), free_gib=64.5)
BUSY = Gpu("H100", 79.2, (9, 0), free_gib=38.0)


def plans(machine: str | Hardware, model: object = OSS, **ours: Any) -> tuple[EnginePlan, ...]:
    """The plan of each engine on this machine."""
    chosen = settings(reasoner_model=model, **ours)
    whole = parse(machine) if isinstance(machine, str) else machine
    return make_plans(chosen, whole, facts(chosen.model), Installation())


@pytest.mark.parametrize(
    ("gpus", "ours", "count"),
    [
        ("4x24", {}, 4),
        ("cpu", {}, 1),
        ("4x24", {"tensor_parallel": 2}, 1),
        ("4x24", {"device_map": "balanced"}, 1),
        ("4x24", {"device": "cpu", "reasoner_model": "embedded"}, 1),
    ],
)
def test_copies_fill_the_machine(gpus: str, ours: dict[str, Any], count: int) -> None:
    """One on each group of GPUs that a copy needs, unless a setting lays out the GPUs, or no router
    would make them reachable under one address."""
    chosen = settings(**ours)
    model, machine = facts(chosen.model), parse(gpus)

    assert count_engines(chosen, machine, model, Installation()) == count
    assert count_engines(chosen, machine, model, Installation(has_router=False)) == 1


def numbered(*gpus: Gpu) -> Hardware:
    """A machine with these GPUs, as the driver numbers them."""
    return Hardware(gpus=tuple(replace(gpu, id=str(at)) for at, gpu in enumerate(gpus)))


@pytest.mark.parametrize(
    ("cards", "used"), [("t4 a10 a10", "12"), ("h100 t4 a10", "0"), ("a100-40 a100", "1")]
)
def test_cards_that_differ(cards: str, used: str) -> None:
    """Engines use those like the largest, by their places; the others are named."""
    chosen = choose_gpus(numbered(*(CARDS[name] for name in cards.split())))

    assert chosen.gpu_ids == tuple(used)
    assert len(plans(chosen, OPT)) == len(used)
    assert "CUDA_VISIBLE_DEVICES names others" in "".join(chosen.remarks)


def test_one_half_busy_of_eight(tmp_path: Path) -> None:
    """The free ones have a copy each, and not pairs because of the one."""
    (tmp_path / "config.json").write_text(json.dumps(MODELS["gpt-oss-120b"]))
    eight = choose_gpus(numbered(BUSY, *(FREE,) * 7))
    made = plans(eight, tmp_path)

    assert [plan.sizes.tensor for plan in made] == [1] * 7
    assert eight.gpu_ids == tuple("1234567")
    assert value(made[0], "--gpu-memory-utilization") == "0.92"  # of a card that is free
    assert len(choose_gpus(numbered(BUSY, BUSY)).gpus) == 2
    assert len(choose_gpus(numbered(FREE, LESS)).gpus) == 2


def test_the_plan_is_that_of_the_smallest_engine() -> None:
    """Every request that is said to fit does so wherever the router sends it."""
    made = plans(Hardware(gpus=(FREE, LESS), gpu_ids=("GPU-a", "GPU-b")), max_inflight=9999)
    shown = smallest(made)

    assert shown.memory.max_concurrent == min(plan.memory.max_concurrent for plan in made)
    assert shown.as_json()["engines"] == 2


def test_gpus_that_are_left_over_are_named(tmp_path: Path) -> None:
    """Three pairs of seven GPUs leave one."""
    (tmp_path / "config.json").write_text(json.dumps(MODELS["llama-70b"]))
    made = plans("7x80,cc=9.0", tmp_path, engines=3)

    assert len(made) == 3
    assert "1 of 7 GPUs stay idle: 3 engines share the others." in made[0].warnings
