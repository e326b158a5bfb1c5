"""Experiments of docs/capacity.md: routing policies under load, shared prefixes, a failing rack."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from launcher import settings
from launcher.capacity import sizing
from launcher.capacity.demand import Demand
from launcher.models import resolve
from launcher.planning.cards import card
from scripts.simulation import engine_speed
from scripts.simulation.engine_speed import EngineSpeed
from scripts.simulation.policy import POLICIES
from scripts.simulation.request import by_second, figures
from scripts.simulation.scenario import Failure, Scenario, Traffic, poisson_arrivals
from scripts.simulation.service import run

PLAIN: Final = Traffic(tokens_in=800, tokens_out=600, clients=5000)
# A long guideline or record before each short question of a conversation.
CONVERSATIONS: Final = Traffic(tokens_in=200, tokens_out=150, clients=600, shared=3000)
LOADS: Final = (0.5, 0.7, 0.9, 0.95, 1.0, 1.05)
ENGINES: Final = 32
WARM_UP_S: Final = 25.0
WINDOW_S: Final = 40.0
# The router polls every second (launcher/serving/router.py), with its default timeout of 5 s.
NOTICE_S: Final = 6.0
# Tokens of an 80 GB card's KV cache that are left for cached prefixes.
CACHE_TOKENS: Final = 300_000


def planned(traffic: Traffic, cache_tokens: int) -> tuple[EngineSpeed, float]:
    """Plan an engine as `mmhie capacity` does; return its speed, and requests/s when it is full."""
    chosen = settings.load({}, None)
    whole = traffic.tokens_in + traffic.shared
    demand = Demand(1.0, whole, traffic.tokens_out, inter_token_s=0.05, utilization=0.7, spare=0)
    engine = sizing.one_engine(chosen, resolve.read_model(chosen), card("h100"), demand)
    speed = engine_speed.from_roofline(
        engine.speed, engine.max_sequences, whole, traffic.tokens_out, cache_tokens
    )
    return speed, engine.limit


def policies(
    traffic: Traffic, loads: Sequence[float], cache_tokens: int = 0
) -> list[dict[str, Any]]:
    """Run every policy under each load, with the same arrivals for each."""
    speed, limit = planned(traffic, cache_tokens)
    end_s = WARM_UP_S + WINDOW_S
    rows = []
    for load in loads:
        calls = poisson_arrivals(load * limit * ENGINES, end_s, traffic, seed=7)
        for policy in POLICIES:
            outcome = run(Scenario(speed, ENGINES, calls, end_s + 40, policy, gateways=3))
            measured = figures(outcome.requests, WARM_UP_S, end_s)
            rows.append({"policy": policy, "load": load, **measured})
    return rows


def rack(engines: int, seconds: float, failure: Failure, rate: float = 0.0) -> dict[str, Any]:
    """Fail some of the engines, at this rate or at 70 % of what all of them can take."""
    speed, limit = planned(PLAIN, cache_tokens=0)
    rate = rate or 0.7 * limit * engines
    scenario = Scenario(
        speed,
        engines,
        poisson_arrivals(rate, seconds, PLAIN, seed=11),
        seconds,
        gateways=max(2, round(rate / 110)),
        routers=max(1, engines // 64),
        failure=failure,
    )
    outcome = run(scenario)
    requests, noticed_s = outcome.requests, failure.at_s + failure.notice_s
    back_s = failure.at_s + failure.away_s
    return {
        "engines": engines,
        "rate": rate,
        "failure": dataclasses.asdict(failure),
        "before": figures(requests, WARM_UP_S / 2, failure.at_s),
        "unnoticed": figures(requests, failure.at_s, noticed_s),
        "away": figures(requests, noticed_s, back_s),
        "after": figures(requests, back_s + failure.found_s + 5, seconds),
        "inside": [dataclasses.asdict(sample) for sample in outcome.samples],
        "first_p50_s": by_second(requests, 0.5),
        "first_p99_s": by_second(requests, 0.99),
    }


# A quarter of 64 engines at 70 % load, the others are then at 93 %; 16 of 1,000.
SMALL: Final = Failure(at_s=40, first=0, count=16, away_s=60, notice_s=NOTICE_S, is_silent=True)
LARGE: Final = dataclasses.replace(SMALL, at_s=30, away_s=30)
EXPERIMENTS: Final[dict[str, Callable[[], Any]]] = {
    "policies": partial(policies, PLAIN, LOADS),
    "prefixes": partial(policies, CONVERSATIONS, (0.7,), CACHE_TOKENS),
    "small_rack": partial(rack, 64, 150, SMALL),
    "large_rack": partial(rack, 1000, 75, LARGE, 10_000.0),
}
