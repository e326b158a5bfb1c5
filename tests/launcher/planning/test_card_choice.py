"""GPUs that differ: those that the model runs on are used, the others are named."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from launcher.cli.plan import Planned, described, planned
from launcher.errors import HardwareError
from launcher.planning.card_choice import lay_out
from launcher.planning.cards import CARDS, Gpu
from launcher.planning.decisions import Decisions, decide
from launcher.planning.engine_command import argv, step_tokens
from launcher.planning.hardware import Hardware, parse, share
from launcher.planning.installation import Installation
from tests.gpu_engine.models import MODELS
from tests.launcher.plans import facts, settings

OPT, OSS = "facebook/opt-1.3b", "openai/gpt-oss-20b"
FREE = Gpu("H100", 79.2, (9, 0), free_gib=78.5)
LESS = Gpu("H100", 79.2, (9, 0), free_gib=64.5)
BUSY = Gpu("H100", 79.2, (9, 0), free_gib=38.0)
BUSIER = Gpu("H100", 79.2, (9, 0), free_gib=20.0)


def laid_out(
    machine: str | Hardware, name: str = OSS, **ours: str
) -> tuple[list[Decisions], Hardware]:
    """The decisions of each engine, and the machine they are for."""
    whole = parse(machine) if isinstance(machine, str) else machine
    model, installed = facts(name), Installation()
    chosen, used = lay_out(settings(reasoner_model=name, **ours), whole, model, installed)
    parts = chosen.engines or 1
    shares = [share(used, parts, index) for index in range(parts)]
    return [decide(chosen, part, model, installed) for part in shares], used


def whole_plan(machine: str, **ours: str) -> Planned:
    """The plan of a whole service."""
    chosen = settings(reasoner_model=OSS, **ours)
    return planned(chosen, parse(machine), facts(OSS), Installation())


def folder(path: Path, name: str) -> str:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(MODELS[name]))
    return str(path)


@pytest.mark.parametrize(
    ("machine", "model", "names"),
    [
        ("1xa10+1xt4", OSS, ["A10"]),
        ("1xt4+1xa10", OSS, ["A10"]),
        ("1xt4+1xa10", OPT, ["Tesla T4", "A10"]),
        ("1xa100+1xa100-40", OSS, ["A100 40 GB", "A100 SXM 80 GB"]),
        ("1xa100-40+1xa100", OSS, ["A100 40 GB", "A100 SXM 80 GB"]),
        ("2xt4", OPT, ["Tesla T4", "Tesla T4"]),
        ("1xh100+1xt4+1xa10", OSS, ["A10", "H100 SXM"]),
    ],
)
def test_cards_that_differ(machine: str, model: str, names: list[str]) -> None:
    """Each that can run the model has a copy of it, in whatever order they are."""
    plans, used = laid_out(machine, model)

    assert [gpu.name for gpu in used.gpus] == names
    assert len(plans) == len(names)


@pytest.mark.parametrize(
    "kinds",
    [("1xa10", "1xh100"), ("1xt4", "2xl4", "1xa100"), ("1xl40s", "1xb200", "1xrtxpro6000")],
)
@pytest.mark.parametrize("ours", [{}, {"tensor_parallel": "2"}, {"engines": "2"}])
def test_the_order_of_cards_changes_no_plan(kinds: tuple[str, ...], ours: dict[str, str]) -> None:
    """Each engine has the same cards, and the same flags."""
    made = [
        [(plan.hardware.gpus, argv(plan)) for plan in laid_out("+".join(order), OPT, **ours)[0]]
        for order in permutations(kinds)
    ]

    assert all(plans == made[0] for plans in made)


def test_cards_that_differ_in_one_engine() -> None:
    """vLLM would decide by the first alone, so it is told what the least of them holds."""
    (plan,), _ = laid_out("1xb200+1xrtxpro6000", OPT, tensor_parallel="2")
    (equal,), _ = laid_out("2xb200", OPT, tensor_parallel="2")

    assert step_tokens(plan) == 8192
    assert step_tokens(equal) is None


@pytest.mark.parametrize(
    ("machine", "ours", "words"),
    [
        ("1xt4+1xa10", {}, "1 x A10 (not used: 1 x Tesla T4)"),
        ("1xa10+1xh100", {}, "1 x A10 + 1 x H100 SXM"),
        ("3xh100", {"tensor_parallel": "2"}, "2 x H100 SXM (not used: 1 x H100 SXM)"),
        ("4xh100", {}, "4 x H100 SXM"),
        ("2xh100", {"device": "cpu"}, "16 CPU cores, 128 GiB (not used: 2 x H100 SXM)"),
    ],
)
def test_the_hardware_that_is_told(machine: str, ours: dict[str, str], words: str) -> None:
    """The cards that engines use are counted, and the others are named."""
    assert described(whole_plan(machine, **ours).used, parse(machine)) == words


def test_the_plan_is_that_of_the_smallest_engine() -> None:
    """Every request that is said to fit does so wherever the router sends it."""
    alone, found = whole_plan("1xa10").plan, whole_plan("1xh100+1xa10").plan

    assert found.memory.max_concurrent == alone.memory.max_concurrent
    assert found.as_json()["engines"] == 2


def test_a_card_is_called_by_its_place() -> None:
    """The engine is told which of them to use."""
    _, used = laid_out("1xt4+2xa10")

    assert used.gpu_ids == ("1", "2")
    assert used.remarks[0].startswith("GPU 0 (Tesla T4) is left out: its compute capability, 7.5")


def test_one_half_busy_of_eight(tmp_path: Path) -> None:
    """The free ones have a copy each, and not pairs because of the one."""
    eight = Hardware(gpus=(BUSY, *(FREE,) * 7))
    plans, used = laid_out(eight, folder(tmp_path / "m", "gpt-oss-120b"))

    assert [plan.sizes.devices for plan in plans] == [1] * 7
    assert used.gpu_ids == tuple("1234567")
    assert "other processes hold 41.2 GiB of it" in used.remarks[0]
    line = argv(plans[0])
    assert line[line.index("--gpu-memory-utilization") + 1] == "0.92"  # of a card that is free


@pytest.mark.parametrize(
    ("gpus", "used"),
    [((BUSY, BUSY), 2), ((FREE, *(BUSY,) * 7), 8), ((BUSY, BUSIER), 2), ((FREE, BUSIER), 1)],
)
def test_where_all_are_busy_they_are_used(gpus: tuple[Gpu, ...], used: int) -> None:
    """And where the calm ones are few."""
    assert len(laid_out(Hardware(gpus=gpus))[1].gpus) == used


@pytest.mark.parametrize("gpus", [(FREE, LESS), (LESS, FREE)])
@pytest.mark.parametrize(
    ("ours", "used"), [({"device_map": "null"}, 1), ({"engines": "1"}, 1), ({}, 2)]
)
def test_one_engine_has_the_freest_card(
    gpus: tuple[Gpu, ...], ours: dict[str, str], used: int
) -> None:
    """One engine takes the freest of several; two engines take both."""
    plans, machine = laid_out(Hardware(gpus=gpus), **ours)

    assert (len(machine.gpus), len(plans)) == (used, used)
    assert FREE in machine.gpus
    assert used == 2 or "other processes hold 14.7 GiB of it" in machine.remarks[0]


def test_cards_that_are_named_are_wanted() -> None:
    """All of them, unless no engine would start on them together."""
    named = Hardware(gpus=(BUSY, FREE), gpu_ids=("GPU-a", "GPU-b"), is_named=True)
    mixed = Hardware(gpus=(CARDS["t4"], CARDS["a10"]), gpu_ids=("GPU-a", "GPU-b"), is_named=True)

    assert laid_out(named)[1] is named
    assert laid_out(mixed)[1].gpu_ids == ("GPU-b",)


def test_where_no_card_does_the_refusal_is_of_all() -> None:
    """The sentence is the one of the whole machine."""
    with pytest.raises(HardwareError, match=r"compute capability 7.0, which is older"):
        laid_out("1x16,cc=7.0")


def test_three_cards_and_a_model_for_which_two_are_too_few(tmp_path: Path) -> None:
    """Stages have all three, where tensor parallelism would leave one idle."""
    (plan,), _ = laid_out("3xrtx4090", folder(tmp_path / "m", "llama-70b-awq"))

    assert (plan.sizes.tensor, plan.sizes.pipeline) == (1, 3)
    assert plan.memory.max_concurrent > 10
    assert not plan.parallelism.warnings
    assert "3 pipeline stages of 1, which hold more at once" in plan.parallelism.reason


def test_gpus_that_are_left_over_are_named(tmp_path: Path) -> None:
    """Three pairs of seven GPUs leave one."""
    plans, used = laid_out("7x80,cc=9.0", folder(tmp_path / "m", "llama-70b"), engines="3")

    assert len(plans) == 3
    assert used.remarks == ("GPU 6 stays idle: 3 engines have 2 each.",)


@pytest.mark.parametrize("name", CARDS)
def test_every_card_runs_a_small_model(name: str) -> None:
    """Whatever the table has can be planned for."""
    (plan,), _ = laid_out(f"1x{name}", OPT)

    assert plan.memory.fits


def test_a_card_of_another_maker() -> None:
    """It is known, and so is the reason."""
    with pytest.raises(HardwareError, match=r"MI300X cannot be used: .* CUDA, not for ROCm"):
        parse("8xmi300x")
