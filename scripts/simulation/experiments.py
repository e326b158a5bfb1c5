"""Experiments of docs/capacity.md: routing policies under load, shared prefixes, a failing rack."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from launcher import settings
from launcher.capacity import sizing
from launcher.capacity.demand import Demand
from launcher.models import resolve
from launcher.planning.cards import card
from scripts.simulation import engine_speed, result
from scripts.simulation.engine_speed import EngineSpeed
from scripts.simulation.policy import Policy
from scripts.simulation.scenario import Failure, Scenario
from scripts.simulation.service import run
from scripts.simulation.trace import Traffic, poisson_arrivals

PLAIN: Final = Traffic(tokens_in=800, tokens_out=600, clients=5000)
# A long guideline or record before each short question of a conversation.
CONVERSATIONS: Final = Traffic(tokens_in=200, tokens_out=150, clients=600, shared=3000)
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
LOADS: Final = (0.5, 0.7, 0.9, 0.95, 1.0, 1.05)
ENGINES: Final = 32
WARM_UP_S: Final = 25.0
WINDOW_S: Final = 40.0
# The router polls every second (launcher/serving/router.py), with its default timeout of 5 s.
NOTICE_S: Final = 6.0
# Tokens of an 80 GB card's KV cache that are left for cached prefixes.
CACHE_TOKENS: Final = 300_000


@dataclass(frozen=True, slots=True)
class PlannedEngine:
    """A planned engine: its speed, and the requests per second at which it is full."""

    speed: EngineSpeed
    limit: float


def planned(gpu: str, traffic: Traffic, cache_tokens: int = 0) -> PlannedEngine:
    """Plan an engine as `mmhie capacity` does with the default settings."""
    chosen = settings.load({}, None)
    model = resolve.read_model(chosen)
    whole = traffic.tokens_in + traffic.shared
    demand = Demand(1.0, whole, traffic.tokens_out, inter_token_s=0.05, utilization=0.7, spare=0)
    engine = sizing.one_engine(chosen, model, card(gpu), demand)
    speed = engine_speed.from_roofline(
        engine.speed, engine.max_sequences, whole, traffic.tokens_out, cache_tokens
    )
    return PlannedEngine(speed, engine.limit)


def policies() -> list[dict[str, Any]]:
    """Measure latencies by policy and load, without common prefixes."""
    return _policies(planned("h100", PLAIN), PLAIN, LOADS)


def prefixes() -> list[dict[str, Any]]:
    """Measure the same for conversations whose prefix an engine may have cached."""
    return _policies(planned("h100", CONVERSATIONS, CACHE_TOKENS), CONVERSATIONS, (0.7,))


def _policies(
    engine: PlannedEngine, traffic: Traffic, loads: Sequence[float]
) -> list[dict[str, Any]]:
    """Run every policy under each load, with the same arrivals for each."""
    end_s = WARM_UP_S + WINDOW_S
    rows = []
    for load in loads:
        calls = poisson_arrivals(load * engine.limit * ENGINES, end_s, traffic, seed=7)
        for policy in POLICIES:
            outcome = run(Scenario(engine.speed, ENGINES, calls, end_s + 40, policy, gateways=3))
            figures = result.figures(outcome, WARM_UP_S, end_s)
            rows.append({"policy": policy, "load": load, **figures})
    return rows


def small_rack() -> dict[str, Any]:
    """Fail a quarter of 64 engines at 70 % load; the others are then at 93 %."""
    engine = planned("h100", PLAIN)
    rate = 0.7 * engine.limit * 64
    failure = Failure(at_s=40, first=0, count=16, away_s=60, notice_s=NOTICE_S, is_silent=True)
    return _failing(engine, 64, rate, 150, failure)


def large_rack() -> dict[str, Any]:
    """Fail 16 of 1,000 engines at 10,000 requests per second."""
    engine = planned("h100", PLAIN)
    failure = Failure(at_s=30, first=0, count=16, away_s=30, notice_s=NOTICE_S, is_silent=True)
    return _failing(engine, 1000, 10_000.0, 75, failure)


def _failing(
    engine: PlannedEngine, engines: int, rate: float, seconds: float, failure: Failure
) -> dict[str, Any]:
    scenario = Scenario(
        engine.speed,
        engines,
        poisson_arrivals(rate, seconds, PLAIN, seed=11),
        seconds,
        gateways=max(2, round(rate / 110)),
        routers=max(1, engines // 64),
        failure=failure,
    )
    outcome = run(scenario)
    back_s = failure.at_s + failure.away_s
    return {
        "engines": engines,
        "rate": rate,
        "failure": dataclasses.asdict(failure),
        "before": result.figures(outcome, WARM_UP_S / 2, failure.at_s),
        "unnoticed": result.figures(outcome, failure.at_s, failure.at_s + failure.notice_s),
        "away": result.figures(outcome, failure.at_s + failure.notice_s, back_s),
        "after": result.figures(outcome, back_s + failure.found_s + 5, seconds),
        "inside": [dataclasses.asdict(sample) for sample in outcome.samples],
        "first_p50_s": result.by_second(outcome, 0.5),
        "first_p99_s": result.by_second(outcome, 0.99),
    }


EXPERIMENTS: Final[dict[str, Callable[[], Any]]] = {
    "policies": policies,
    "prefixes": prefixes,
    "small_rack": small_rack,
    "large_rack": large_rack,
}
