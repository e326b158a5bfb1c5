"""The simulated service: only requests on a failed engine are lost; policies do as named."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from launcher.capacity import measured
from scripts.simulation.engine_speed import EngineSpeed, from_contended_record, from_record
from scripts.simulation.policy import POLICIES, View
from scripts.simulation.request import SimulatedRequest, endings, figures, percentile
from scripts.simulation.scenario import (
    Failure,
    Policy,
    Scenario,
    TracedCall,
    Traffic,
    poisson_arrivals,
)
from scripts.simulation.service import SimulatedGateway, SimulatedService, run

SPEED = EngineSpeed(
    (0.0, *(0.01 + 0.0005 * batch for batch in range(1, 33))), read_s=1e-5, budget=2048
)
TRAFFIC = Traffic(tokens_in=100, tokens_out=50, clients=40)
RACK = Failure(at_s=5, first=1, count=2, away_s=8, notice_s=1)


def simulated(
    policy: Policy = "power_of_two", failure: Failure | None = None, rate: float = 40
) -> SimulatedService:
    calls = poisson_arrivals(rate, 20, TRAFFIC, seed=5)
    return run(Scenario(SPEED, 6, calls, 400.0, policy, failure=failure))


@pytest.mark.parametrize("policy", POLICIES)
def test_every_call_ends_once(policy: Policy) -> None:
    """No failure: all are answered in full, and no load stays behind."""
    service = SimulatedService(
        Scenario(SPEED, 6, poisson_arrivals(40, 20, TRAFFIC, seed=5), 400.0, policy)
    )
    outcome = service.run()

    assert endings(outcome.requests) == {"whole": len(outcome.scenario.calls)}
    assert all(sum(view.loads) == 0 for view in service.views)
    assert all(gateway.relay_load == pytest.approx(0, abs=1e-9) for gateway in service.gateways)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("is_silent", [False, True])
def test_a_rack_takes_only_its_own_streams(policy: Policy, is_silent: bool) -> None:
    """Streams on the failed engines are cut and their callers retry; all others are answered."""
    failure = Failure(at_s=5, first=1, count=2, away_s=8, notice_s=1, is_silent=is_silent)
    outcome = simulated(policy, failure)
    ended = endings(outcome.requests)
    cut = [request for request in outcome.requests if request.ending == "cut"]

    assert set(ended) == {"whole", "cut"}
    assert ended["whole"] == len(outcome.scenario.calls)
    assert len(outcome.requests) == len(outcome.scenario.calls) + ended["cut"]
    assert all(request.engine in (1, 2) and request.first_s <= 5 for request in cut)
    assert cut


def test_a_rack_that_is_back_works_again() -> None:
    """And nothing was sent to it during the failure."""
    outcome = simulated(failure=RACK)
    on_rack = [request.dispatched_s for request in outcome.requests if request.engine in (1, 2)]

    assert not [at for at in on_rack if 5 < at < 13]
    assert [at for at in on_rack if at > 14]


def test_without_any_engine_calls_are_lost_not_kept() -> None:
    """All engines are down for longer than the router retries."""
    outcome = simulated(failure=Failure(at_s=5, first=0, count=6, away_s=100))

    assert set(endings(outcome.requests)) == {"whole", "cut", "lost"}


@hypothesis_settings(max_examples=15, deadline=None)
@given(rate=st.floats(1, 400))
def test_calls_are_conserved(rate: float) -> None:
    """Answered, cut or lost: each exactly once, whatever the load."""
    outcome = simulated(failure=RACK, rate=rate)
    ended = Counter(request.ending for request in outcome.requests)

    assert ended[""] == 0
    assert sum(ended.values()) == len(outcome.scenario.calls) + ended["cut"]


def test_littles_law_holds_in_it() -> None:
    """Mean number in progress = rate times mean time, in a long steady state."""
    calls = poisson_arrivals(50, 200, TRAFFIC, seed=9)
    outcome = run(Scenario(SPEED, 6, calls, 200.0))
    middle = [sample for sample in outcome.samples if 50 < sample.at_s < 190]
    inside = fmean(sample.running + sample.waiting for sample in middle)
    stays = [
        request.last_s - request.dispatched_s
        for request in outcome.requests
        if request.ending == "whole"
    ]

    assert inside == pytest.approx(50 * fmean(stays), rel=0.1)


def test_less_busy_of_two_keeps_the_tail_short() -> None:
    """Against a random choice, at high load."""
    calls = poisson_arrivals(100, 60, TRAFFIC, seed=4)
    tails = {
        policy: figures(run(Scenario(SPEED, 6, calls, 400.0, policy)).requests)["first_p99_s"]
        for policy in ("random", "power_of_two")
    }

    assert tails["power_of_two"] < tails["random"]


def test_consistent_hash_keeps_a_client_where_it_was() -> None:
    """One engine for each client; when it fails only its clients move."""
    view = View(8, seed=1)
    choose = POLICIES["consistent_hash"]
    before = {client: choose(view, TracedCall(0, 1, 1, client=client)) for client in range(200)}
    view.learn({3}, are_alive=False)
    after = {client: choose(view, TracedCall(0, 1, 1, client=client)) for client in range(200)}

    assert len(set(before.values())) == 8
    assert all(after[client] == before[client] for client in before if before[client] != 3)
    assert 3 not in after.values()


def test_cache_aware_follows_the_prefix_until_loads_differ_much() -> None:
    """vLLM's rule: 64 more requests and half as many again."""
    view = View(4, seed=1)
    choose = POLICIES["cache_aware"]
    call = TracedCall(0, 1000, 10, prefix=7, shared=900)
    home = choose(view, call)
    assert {choose(view, call) for _ in range(5)} == {home}

    view.loads[home] += 65
    assert choose(view, call) != home


def test_a_gateway_s_worker_takes_one_after_the_other() -> None:
    """Two at once on one worker: the second waits; half a processor of relaying doubles it."""
    gateway = SimulatedGateway(1)
    assert gateway.processing_s(0.0) == pytest.approx(measured.REQUEST_S)
    assert gateway.processing_s(0.0) == pytest.approx(2 * measured.REQUEST_S)

    gateway.relay_load = 0.5
    assert gateway.processing_s(9.0) == pytest.approx(2 * measured.REQUEST_S)


def test_a_speed_from_a_record() -> None:
    """Steps between and beyond the measured batches; prefill by a linear fit."""
    measured = {
        "steps": [{"batch": 1, "step_s": 0.1}, {"batch": 3, "step_s": 0.2}],
        "written": 2,
        "among": [
            {"tokens_in": 100, "held_s": 0.35, "first_s": 0.55},
            {"tokens_in": 200, "held_s": 0.45, "first_s": 0.65},
        ],
    }
    speed = from_record(measured, 5)

    assert speed.steps == pytest.approx((0.0, 0.1, 0.15, 0.2, 0.25, 0.3))
    assert speed.read_s == pytest.approx(0.001)
    assert speed.request_s == pytest.approx(0.05)
    assert speed.latency_s == pytest.approx(0.1)
    assert from_record(measured, 5, 0.01).steps == pytest.approx(
        (0.0, 0.11, 0.17, 0.23, 0.29, 0.35)
    )


def test_contention_slows_prefill_as_it_slows_steps() -> None:
    """Steps as measured under contention; twice as long in all, so prefill takes twice."""
    among = [{"tokens_in": at, "held_s": 0.1 + at / 1000, "first_s": 1.0} for at in (100, 200)]
    alone = [{"batch": 1, "step_s": 0.1}, {"batch": 3, "step_s": 0.1}]
    contended = [{"batch": 1, "step_s": 0.1}, {"batch": 3, "step_s": 0.3}]
    record = {
        "alone": {"steps": alone, "written": 2, "among": among},
        "beside": {"steps": contended},
    }
    speed = from_contended_record(record, 3)

    assert speed.steps == pytest.approx((0.0, 0.1, 0.2, 0.3))
    assert speed.read_s == pytest.approx(0.002)


def test_neighbours_on_one_machine_slow_each_other() -> None:
    """Ten tokens take twice as long while the other engine is busy."""
    speed = EngineSpeed((0.0, 0.01), read_s=0.0, budget=2048)
    contended = EngineSpeed((0.0, 0.02), read_s=0.0, budget=2048)
    calls = [TracedCall(0.0, 0, 10), TracedCall(0.001, 0, 10), TracedCall(5.0, 0, 10)]
    outcome = run(Scenario(speed, 2, calls, 9.0, "round_robin", contended=contended))
    took = [request.last_s - request.dispatched_s for request in outcome.requests]

    assert took[:2] == pytest.approx([0.2, 0.2], abs=0.02)
    assert took[2] == pytest.approx(0.1)


def test_percentiles_by_hand() -> None:
    """Percentiles are those of the nearest rank."""
    values = [float(value) for value in range(1, 101)]

    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([], 0.5) != percentile([], 0.5)


def test_requests_know_their_latencies() -> None:
    """To the first token and between tokens."""
    request = SimulatedRequest(TracedCall(0, 10, 11), 1.0, first_s=1.5, last_s=2.5)

    assert request.ttft_s == pytest.approx(0.5)
    assert request.tpot_s == pytest.approx(0.1)
