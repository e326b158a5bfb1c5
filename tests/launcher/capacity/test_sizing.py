"""Sizings: by hand for an engine whose times are given, and properties of every sizing."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from launcher.capacity import engine_load, measured, sizing
from launcher.capacity.demand import Demand, Users, peak_rate
from launcher.capacity.engine_load import RequestCost
from launcher.errors import NotEnoughMemory, PlanError
from launcher.planning.cards import CARDS, card
from tests.launcher.plans import facts, settings

MODEL = facts(settings().model)
FLAT = RequestCost(step_s=lambda _: 0.01, prompt_s=0.02, tokens_out=100)
DEMAND = Demand(
    rate=50, tokens_in=800, tokens_out=600, inter_token_s=0.05, utilization=0.7, spare=1
)


def size(demand: Demand, gpu: str = "h100", **ours: str) -> sizing.Sizing:
    return sizing.size(settings(**ours), MODEL, card(gpu), demand)


def test_users_become_requests() -> None:
    """300 people, 12 an hour, twice that at the peak: two a second. Neither people nor a rate is no
    question."""
    assert Users(300).rate == pytest.approx(2.0)
    assert peak_rate(None, Users(300)) == pytest.approx(2.0)
    assert peak_rate(5.0, Users(300)) == 5.0
    with pytest.raises(PlanError, match="--rps"):
        peak_rate(None, None)


def test_a_steady_state_by_hand() -> None:
    """At 10/s prompts take 0.2 of the time: tokens every 10 / 0.8 ms, batch = 10 * 100 * that."""
    state = engine_load.steady_state(FLAT, 10, 100)

    assert state is not None
    assert state.token_s == pytest.approx(0.0125)
    assert state.batch == pytest.approx(12.5)


def test_the_limit_by_hand() -> None:
    """20 places: 20 = r * 100 * 0.01 / (1 - 0.02 r), so r = 20 / 1.4."""
    assert engine_load.limit(FLAT, 20) == pytest.approx(20 / 1.4, rel=1e-6)


def test_the_pace_limits_too() -> None:
    """Tokens every 20 ms at most: 0.01 / (1 - 0.02 r) = 0.02, so r = 25."""
    assert engine_load.limit(FLAT, 1000, 0.02) == pytest.approx(25, rel=1e-6)
    assert engine_load.limit(FLAT, 1000, 0.009) == pytest.approx(0)


def test_gateways_by_hand() -> None:
    """1,000 requests and 600,000 chunks a second, at 60 % of four workers, and one to spare."""
    cores = 1000 * measured.REQUEST_S + 600_000 * measured.CHUNK_S
    sizing = size(dataclasses.replace(DEMAND, rate=1000))

    assert sizing.gateway_cores == pytest.approx(cores)
    assert sizing.gateways == math.ceil(cores / 0.6 / 4) + 1


def test_a_laptop_s_worth_needs_one_of_each() -> None:
    """No router before one engine."""
    sizing = size(dataclasses.replace(DEMAND, rate=0.1, spare=0))

    assert (sizing.engines, sizing.gpus, sizing.gateways, sizing.routers) == (1, 1, 1, 0)


def test_the_cache_bounds_the_batch_of_a_small_card() -> None:
    """22 GiB less 13.9 of weights hold few sequences; 80 GiB more than --max-num-seqs."""
    small = size(DEMAND, "a10")
    large = size(DEMAND)

    assert small.engine.max_sequences <= small.engine.cache_sequences < 256
    assert large.engine.max_sequences == 256 < large.engine.cache_sequences


def test_places_come_from_the_settings() -> None:
    """MMHIE_MAX_INFLIGHT is the size of the batch."""
    assert size(DEMAND, max_inflight="64").engine.max_sequences == 64


def test_what_cannot_be_sized() -> None:
    """A sentence that says what to change."""
    with pytest.raises(PlanError, match="MMHIE_MAX_INPUT_LENGTH"):
        size(dataclasses.replace(DEMAND, tokens_in=9000))
    with pytest.raises(PlanError, match="MMHIE_DEVICE"):
        size(DEMAND, device="cpu")
    with pytest.raises(PlanError, match="--token-ms"):
        size(dataclasses.replace(DEMAND, inter_token_s=0.001))
    with pytest.raises(NotEnoughMemory):
        size(DEMAND, "l4", gpu_memory_utilization="0.5", device_map="null")


rates = st.floats(0.01, 20_000)
tokens = st.integers(1, 2000)


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    rate=rates,
    more=st.floats(1, 5),
    tokens_in=tokens,
    tokens_out=tokens,
    gpu=st.sampled_from(sorted(name for name in CARDS if name != "t4")),  # no MXFP4
)
def test_more_load_never_needs_less(
    rate: float, more: float, tokens_in: int, tokens_out: int, gpu: str
) -> None:
    """Of anything; and the plan holds what was asked of it."""
    demand = Demand(rate, tokens_in, tokens_out, inter_token_s=0.2, utilization=0.7, spare=1)
    sizing = size(demand, gpu)
    larger = size(dataclasses.replace(demand, rate=rate * more), gpu)
    longer = size(dataclasses.replace(demand, tokens_out=tokens_out + 100), gpu)

    assert larger.engines >= sizing.engines
    assert larger.gateways >= sizing.gateways
    assert longer.engines >= sizing.engines
    assert sizing.steady_state.batch <= sizing.engine.max_sequences
    assert sizing.steady_state.token_s <= demand.inter_token_s
    assert rate / sizing.needed <= sizing.engine.limit * demand.utilization * (1 + 1e-9)


@given(utilization=st.floats(0.1, 0.9), inter_token_s=st.floats(0.02, 0.5))
@hypothesis_settings(max_examples=30, deadline=None)
def test_asking_for_more_quality_never_needs_less(utilization: float, inter_token_s: float) -> None:
    """A lower target and a quicker pace take more engines."""
    demand = dataclasses.replace(DEMAND, utilization=utilization, inter_token_s=inter_token_s)
    fuller = dataclasses.replace(demand, utilization=utilization * 1.1)
    slower = dataclasses.replace(demand, inter_token_s=inter_token_s * 2)

    assert size(fuller).engines <= size(demand).engines
    assert size(slower).engines <= size(demand).engines
