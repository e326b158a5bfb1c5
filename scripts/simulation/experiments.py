"""What docs/capacity.md shows: policies under load, beginnings of prompts, a rack that dies."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, get_args

from launcher import settings
from launcher.capacity import sizing
from launcher.capacity.demand import Demand
from launcher.models import resolve
from launcher.planning.cards import card
from scripts.simulation import pace, result
from scripts.simulation.pace import Pace
from scripts.simulation.policy import Policy
from scripts.simulation.scenario import Failure, Scenario
from scripts.simulation.service import run
from scripts.simulation.trace import Mix, poisson

PLAIN: Final = Mix(tokens_in=800, tokens_out=600, clients=5000)
# A long guideline or record before each short question of a conversation.
TALKS: Final = Mix(
    tokens_in=200, tokens_out=150, clients=600, conversations=1, shared=3000, is_fixed=False
)
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
LOADS: Final = (0.5, 0.7, 0.9, 0.95, 1.0, 1.05)
ENGINES: Final = 32
WARM_S: Final = 25.0
LOOK_S: Final = 40.0
# The router asks every second (launcher/serving/router.py) and waits 5 s, its default, for the
# answer.
NOTICE_S: Final = 6.0
# What stays of the KV cache of an 80 GB card beside the sequences that run, in tokens.
CACHE_TOKENS: Final = 300_000


@dataclass(frozen=True, slots=True)
class Engine:
    """A planned engine: its pace, and the requests a second at which it is full."""

    pace: Pace
    limit: float


def planned(gpu: str, mix: Mix, cache_tokens: int = 0) -> Engine:
    """As `mmhie capacity` plans it with the settings' defaults."""
    chosen = settings.load({}, None)
    model = resolve.read_model(chosen)
    whole = mix.tokens_in + mix.shared
    demand = Demand(1.0, whole, mix.tokens_out, inter_token_s=0.05, utilization=0.7, spare=0)
    one = sizing.one_engine(chosen, model, card(gpu), demand)
    speed = pace.of_speed(one.speed, one.max_sequences, whole, mix.tokens_out, cache_tokens)
    return Engine(speed, one.limit)


def policies() -> list[dict[str, Any]]:
    """Time to the first token by policy and load; every policy gets the same calls."""
    engine = planned("h100", PLAIN)
    rows = []
    for load in LOADS:
        calls = poisson(load * engine.limit * ENGINES, WARM_S + LOOK_S, PLAIN, seed=7)
        base = Scenario(engine.pace, ENGINES, calls, WARM_S + LOOK_S + 40, gateways=3, routers=1)
        rows += [_under(dataclasses.replace(base, policy=policy), load) for policy in POLICIES]
    return rows


def prefixes() -> list[dict[str, Any]]:
    """The same for conversations whose beginning an engine may still have."""
    engine = planned("h100", TALKS, CACHE_TOKENS)
    rows = []
    for load in (0.7, 0.95, 1.2):
        calls = poisson(load * engine.limit * ENGINES, WARM_S + LOOK_S, TALKS, seed=7)
        base = Scenario(engine.pace, ENGINES, calls, WARM_S + LOOK_S + 40, gateways=3, routers=1)
        rows += [_under(dataclasses.replace(base, policy=policy), load) for policy in POLICIES]
    return rows


def _under(scenario: Scenario, load: float) -> dict[str, Any]:
    outcome = run(scenario)
    found = result.figures(outcome, WARM_S, WARM_S + LOOK_S)
    return {"policy": scenario.policy, "load": load, **found}


def small_rack() -> dict[str, Any]:
    """A quarter of 64 engines at 70 % load: the others are then at 93 %."""
    engine = planned("h100", PLAIN)
    rate = 0.7 * engine.limit * 64
    failure = Failure(at_s=40, first=0, count=16, away_s=60, notice_s=NOTICE_S, is_silent=True)
    return _failing(engine, 64, rate, 150, failure)


def large_rack() -> dict[str, Any]:
    """16 of 1,000 engines at 10,000 requests a second."""
    engine = planned("h100", PLAIN)
    failure = Failure(at_s=30, first=0, count=16, away_s=30, notice_s=NOTICE_S, is_silent=True)
    return _failing(engine, 1000, 10_000.0, 75, failure)


def _failing(
    engine: Engine, engines: int, rate: float, seconds: float, failure: Failure
) -> dict[str, Any]:
    began = time.perf_counter()
    scenario = Scenario(
        engine.pace,
        engines,
        poisson(rate, seconds, PLAIN, seed=11),
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
        "seconds": seconds,
        "gateways": scenario.gateways,
        "routers": scenario.routers,
        "failure": dataclasses.asdict(failure),
        "took_s": round(time.perf_counter() - began, 1),
        "endings": result.endings(outcome.journeys),
        "again": sum(one.tries > 0 for one in outcome.journeys),
        "before": result.figures(outcome, WARM_S / 2, failure.at_s),
        "unnoticed": result.figures(outcome, failure.at_s, failure.at_s + failure.notice_s),
        "away": result.figures(outcome, failure.at_s + failure.notice_s, back_s),
        "after": result.figures(outcome, back_s + failure.found_s + 5, seconds),
        "inside": [dataclasses.asdict(one) for one in outcome.samples],
        "first_p50_s": result.by_second(outcome, 0.5),
        "first_p99_s": result.by_second(outcome, 0.99),
    }


EXPERIMENTS: Final[dict[str, Callable[[], Any]]] = {
    "policies": policies,
    "prefixes": prefixes,
    "small_rack": small_rack,
    "large_rack": large_rack,
}
