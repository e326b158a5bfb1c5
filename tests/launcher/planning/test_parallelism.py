"""Parallel sizes: those that divide the model, those that fit, those that are set."""

from dataclasses import replace
from typing import Any

import pytest

from launcher.errors import PlanError
from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning.hardware import parse
from launcher.planning.memory import COMFORTABLE, MemoryEstimate, ParallelSizes
from launcher.planning.parallelism import choose_parallelism, legal_sizes
from launcher.settings import LauncherSettings
from tests.launcher.plans import room_for

GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source="x")
SMOL = from_config(CONFIGS["embedded"], source="x")


def lay_out(
    gpus: str, model: ModelFacts = GPT_OSS, needs: int = 1, **settings: Any
) -> ParallelSizes:
    """The sizes where a copy fits once it has `needs` GPUs."""
    hardware = parse(gpus)
    chosen = LauncherSettings(**settings)

    def judge(sizes: ParallelSizes) -> MemoryEstimate:
        return room_for(COMFORTABLE if sizes.devices >= needs else 1)

    return choose_parallelism(chosen, model, hardware, judge)


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        (GPT_OSS, [1, 2, 4, 8]),
        (SMOL, [1, 3]),
        (replace(GPT_OSS, model_type="qwen3_moe", kv_heads=4, intermediate=1536), [1, 2, 4, 8]),
        (replace(GPT_OSS, kv_heads=4), [1, 2, 4]),
    ],
)
def test_legal_sizes(model: ModelFacts, sizes: list[int]) -> None:
    """Heads, KV heads and feed-forward width all divide. A dense model shares KV heads where they
    are fewer than the GPUs, and so does Qwen3-235B-A22B (qwen3_moe.py), but not gpt-oss."""
    assert legal_sizes(model, 8) == sizes


@pytest.mark.parametrize(
    ("gpus", "needs", "settings", "sizes"),
    [
        ("4x80", 3, {}, ParallelSizes(4)),
        ("3x80", 3, {}, ParallelSizes(2)),
        ("3x80", 1, {"device_map": "balanced"}, ParallelSizes(2)),
        ("3x80", 1, {"device_map": "sequential"}, ParallelSizes(1, 3)),
        ("4x80", 1, {"tensor_parallel": 2, "device_map": "sequential"}, ParallelSizes(2)),
        ("cpu,ram=64", 1, {"device_map": "balanced"}, ParallelSizes(1)),
    ],
)
def test_the_sizes(gpus: str, needs: int, settings: dict[str, Any], sizes: ParallelSizes) -> None:
    """auto: fewest that fit; balanced: all that divide; sequential: a stage a GPU."""
    assert lay_out(gpus, GPT_OSS, needs, **settings) == sizes


def test_too_few_gpus() -> None:
    """vLLM judges the other sizes."""
    with pytest.raises(PlanError, match="needs as many GPUs and 2 are here"):
        lay_out("2x80", tensor_parallel=4)
