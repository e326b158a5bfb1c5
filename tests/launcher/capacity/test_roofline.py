"""The roofline against numbers worked out by hand, and against what others measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.capacity.roofline import (
    BANDWIDTH_SHARE,
    SEQUENCE_OVERHEAD_S,
    STEP_OVERHEAD_S,
    Speed,
)
from launcher.models.config import from_config
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning.cards import CARDS, card
from launcher.planning.memory import ParallelSizes, Workload
from scripts.published_runs import RUNS, Run
from scripts.simulation import calibration

GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source=GPT_OSS_20B)


def speed(gpu: str = "h100", tensor: int = 1) -> Speed:
    load = Workload(GPT_OSS, "mxfp4", ParallelSizes(tensor), 8192, 1400, 256)
    return Speed(load, card(gpu))


def test_weights_of_a_step() -> None:
    """One token: 4 of 32 experts' 10.15 GB in MXFP4, and 2.45 GB of bf16 attention and head."""
    experts, rest = 10.152e9, 2 * (0.637e9 + 0.5791e9 + 0.0092e9)

    assert speed().weight_bytes(1) == pytest.approx(rest + experts / 8, rel=0.01)
    assert speed().weight_bytes(1000) == pytest.approx(rest + experts, rel=0.01)


def test_a_step_of_one_sequence_is_bound_by_bandwidth() -> None:
    """3.72 GB of weights and 15.7 MB of cache (24 KiB a token, 3 MiB) at 70 % of 3,350 GB/s."""
    read = 3.72e9 + 512 * 24 * 1024 + 3 * 2**20
    expected = STEP_OVERHEAD_S + SEQUENCE_OVERHEAD_S + read / (3350e9 * BANDWIDTH_SHARE)

    assert speed().step_s(1, 512) == pytest.approx(expected, rel=0.01)


def test_a_prompt_is_bound_by_arithmetic() -> None:
    """1,000 tokens: 3.03 billion weights, and 4 * 4,096 * (12 * 500 + 12 * 128) of attention."""
    flops = 1000 * (2 * 3.026e9 + 4 * 4096 * 12 * (500 + 128))

    assert speed().prompt_s(1000) == pytest.approx(flops / (989e12 * 0.24), rel=0.01)


def test_a_second_gpu_helps_less_than_it_costs() -> None:
    """Half as much again, not twice."""
    assert speed(tensor=2).prompt_s(1000) == pytest.approx(speed().prompt_s(1000) / 1.5)


@given(
    gpu=st.sampled_from(sorted(CARDS)),
    batch=st.integers(1, 1000),
    tokens=st.integers(1, 100_000),
)
def test_more_never_takes_less(gpu: str, batch: int, tokens: int) -> None:
    """A larger batch and longer sequences take longer, and a token of a larger batch is cheaper."""
    engine_speed = speed(gpu)
    step_s = engine_speed.step_s(batch, tokens)

    assert engine_speed.step_s(batch + 1, tokens) > step_s
    assert engine_speed.step_s(batch, tokens + 16) > step_s
    assert engine_speed.step_s(batch + 1, tokens) / (batch + 1) <= step_s / batch
    assert engine_speed.prompt_s(tokens + 1) > engine_speed.prompt_s(tokens)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.gpu}-{run.tokens_in}")
def test_published_runs(run: Run) -> None:
    """Within a third, but for 32,000 tokens on an A100, whose attention is twice as slow."""
    error = calibration.published(run) / run.rate - 1

    is_long_on_a100 = run.gpu == "a100" and run.tokens_in > 30_000
    assert -0.35 < error < (0.6 if is_long_on_a100 else 0.33)
