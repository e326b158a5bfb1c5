"""GPUs that differ: those that the model runs on are used, the others are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launcher.cli.plan import Planned, describe_hardware, make_smallest_plan
from launcher.errors import HardwareError, PlanError
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
    return make_smallest_plan(chosen, parse(machine), facts(OSS), Installation())


def folder(path: Path, name: str) -> str:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(MODELS[name]))
    return str(path)


@pytest.mark.parametrize(
    ("machine", "model", "names"),
    [
        ("1xa10+1xt4", OSS, ["A10"]),
        ("1xt4+1xa10", OSS, ["A10"]),
        ("4xt4+1xa10", OSS, ["A10"]),  # MXFP4 does not run on the others
        ("4xt4+1xa10", OPT, ["Tesla T4"] * 4),
        ("1xa100-40+1xa100", OSS, ["A100 SXM 80 GB"]),
        ("2xt4", OPT, ["Tesla T4", "Tesla T4"]),
        ("1xh100+1xt4+2xa10", OSS, ["H100 SXM"]),
    ],
)
def test_cards_that_differ(machine: str, model: str, names: list[str]) -> None:
    """Engines use those of one kind, in whatever order they are: the most memory on which the model
    starts, and a copy on each."""
    plans, used = laid_out(machine, model)

    assert [gpu.name for gpu in used.gpus] == names
    assert len(plans) == len(names)


def test_cards_that_differ_in_one_engine() -> None:
    """vLLM would decide by the first alone, so it is told what the least of them holds."""
    cards = (CARDS["b200"], CARDS["rtxpro6000"])
    mixed = Hardware(gpus=cards, gpu_ids=("GPU-a", "GPU-b"), is_named=True)
    (plan,), _ = laid_out(mixed, OPT, tensor_parallel="2")
    (equal,), _ = laid_out("2xb200", OPT, tensor_parallel="2")

    assert step_tokens(plan) == 8192
    assert step_tokens(equal) is None


@pytest.mark.parametrize(
    ("machine", "ours", "words"),
    [
        ("1xt4+1xa10", {}, "1 x A10 (not used: 1 x Tesla T4)"),
        ("1xa10+1xh100", {}, "1 x H100 SXM (not used: 1 x A10)"),
        ("3xh100", {"tensor_parallel": "2"}, "2 x H100 SXM (not used: 1 x H100 SXM)"),
        ("4xh100", {}, "4 x H100 SXM"),
        ("2xh100", {"device": "cpu"}, "16 CPU cores, 128 GiB (not used: 2 x H100 SXM)"),
    ],
)
def test_the_hardware_that_is_told(machine: str, ours: dict[str, str], words: str) -> None:
    """The cards that engines use are counted, and the others are named."""
    assert describe_hardware(whole_plan(machine, **ours).used, parse(machine)) == words


def test_the_plan_is_that_of_the_smallest_engine() -> None:
    """Every request that is said to fit does so wherever the router sends it."""
    named = Hardware(gpus=(FREE, LESS), gpu_ids=("GPU-a", "GPU-b"), is_named=True)
    whole = make_smallest_plan(
        settings(reasoner_model=OSS, max_inflight=9999), named, facts(OSS), Installation()
    )
    plans, _ = laid_out(named, max_inflight="9999")

    assert whole.plan.memory.max_concurrent == min(plan.memory.max_concurrent for plan in plans)
    assert whole.plan.as_json()["engines"] == 2


def test_a_card_is_called_by_its_place() -> None:
    """The engine is told which of them to use."""
    _, used = laid_out("1xt4+2xa10")

    assert used.gpu_ids == ("1", "2")
    assert used.remarks[0].startswith("GPU 0 (Tesla T4) is left out: engines use GPUs of one kind")


def test_one_half_busy_of_eight(tmp_path: Path) -> None:
    """The free ones have a copy each, and not pairs because of the one."""
    eight = Hardware(gpus=(BUSY, *(FREE,) * 7))
    plans, used = laid_out(eight, folder(tmp_path / "m", "gpt-oss-120b"))

    assert [plan.sizes.devices for plan in plans] == [1] * 7
    assert used.gpu_ids == tuple("1234567")
    assert "other programs hold 41.2 GiB of it" in used.remarks[0]
    line = argv(plans[0])
    assert line[line.index("--gpu-memory-utilization") + 1] == "0.92"  # of a card that is free


@pytest.mark.parametrize(
    ("gpus", "used"),
    [((BUSY, BUSY), 2), ((FREE, *(BUSY,) * 7), 1), ((BUSY, BUSIER), 2), ((FREE, LESS), 2)],
)
def test_where_all_are_busy_they_are_used(gpus: tuple[Gpu, ...], used: int) -> None:
    """Else the free ones alone."""
    assert len(laid_out(Hardware(gpus=gpus))[1].gpus) == used


def test_cards_that_are_named_are_used() -> None:
    """All of them, and a refusal is of all of them."""
    named = Hardware(gpus=(BUSY, FREE), gpu_ids=("GPU-a", "GPU-b"), is_named=True)
    mixed = Hardware(gpus=(CARDS["t4"], CARDS["a10"]), gpu_ids=("GPU-a", "GPU-b"), is_named=True)

    assert laid_out(named)[1] is named
    with pytest.raises(PlanError, match=r"compute capability 8\.0"):
        laid_out(mixed)


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
