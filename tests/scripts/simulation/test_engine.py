"""The simulated engine: steps by hand, then queueing theory."""

from __future__ import annotations

import math
import random
from collections.abc import Generator

import pytest
import simpy

from launcher.capacity.engine_load import mg1_wait_s
from scripts.simulation.engine import SimulatedEngine
from scripts.simulation.engine_speed import EngineSpeed
from scripts.simulation.request import SimulatedRequest
from scripts.simulation.scenario import TracedCall

DRAW = random.Random()


@pytest.fixture(autouse=True)
def _same_every_time() -> None:
    DRAW.seed(3)


def flat(step_s: float, max_batch: int, read_s: float = 0.0, cache_tokens: int = 0) -> EngineSpeed:
    """An engine whose steps take as long however many share them."""
    steps = (0.0, *(step_s,) * max_batch)
    return EngineSpeed(steps, read_s, budget=2048, cache_tokens=cache_tokens)


class Bench:
    """One engine and calls that come straight to it."""

    def __init__(self, speed: EngineSpeed, calls: list[TracedCall]) -> None:
        self.env = simpy.Environment()
        self.requests = [SimulatedRequest(call, call.at_s) for call in calls]
        self.engine = SimulatedEngine(self.env, 0, speed, lambda _: None, lambda _: None)
        self.env.process(self.arrivals())

    def arrivals(self) -> Generator[simpy.Timeout]:
        for request in self.requests:
            yield self.env.timeout(request.call.at_s - self.env.now)
            self.engine.accept(request)

    def run(self, until: float | None = None) -> list[SimulatedRequest]:
        self.env.run(until)
        return self.requests


def poisson_arrivals(rate: float, tokens: list[int]) -> list[TracedCall]:
    now, calls = 0.0, []
    for length in tokens:
        now += DRAW.expovariate(rate)
        calls.append(TracedCall(now, 0, length))
    return calls


def test_one_request_by_hand() -> None:
    """Prefill of 100 tokens takes 0.1 s and a step of 0.01; five tokens take four more steps."""
    (request,) = Bench(flat(0.01, 4, read_s=0.001), [TracedCall(1.0, 100, 5)]).run()

    assert request.first_s == pytest.approx(1.11)
    assert request.last_s == pytest.approx(1.15)
    assert request.ending == "whole"


def test_prefill_delays_decode() -> None:
    """The second arrives in the middle of a step; its prefill makes the next take 0.11 s."""
    first, second = Bench(
        flat(0.01, 4, read_s=0.001), [TracedCall(0.0, 0, 11), TracedCall(0.035, 100, 2)]
    ).run()

    assert second.first_s == pytest.approx(0.04 + 0.11)
    assert first.last_s == pytest.approx(0.04 + 0.11 + 6 * 0.01)


def test_a_long_prompt_takes_several_steps() -> None:
    """5,000 tokens at 2,048 a step: three steps, and a token of the others in each."""
    first, second = Bench(flat(0.01, 4), [TracedCall(0.0, 0, 10), TracedCall(0.015, 5000, 1)]).run()

    assert second.first_s == pytest.approx(0.05)
    assert first.last_s == pytest.approx(0.10)


def test_no_batch_is_over_the_maximum() -> None:
    """The third waits until the first has gone."""
    speed = flat(0.01, 2)
    requests = Bench(
        speed, [TracedCall(0.0, 0, 5), TracedCall(0.0, 0, 9), TracedCall(0.0, 0, 3)]
    ).run()

    assert requests[2].first_s > requests[0].last_s
    assert requests[2].first_s < requests[1].last_s


def test_a_cached_prefix_is_not_prefilled_again() -> None:
    """A shared prefix is prefilled once while it is in the cache."""
    speed = flat(0.01, 4, read_s=0.001, cache_tokens=150)
    calls = [
        TracedCall(0.0, 110, 1, prefix=1, shared=100),
        TracedCall(1.0, 110, 1, prefix=1, shared=100),
        TracedCall(2.0, 110, 1, prefix=2, shared=100),
        TracedCall(3.0, 110, 1, prefix=1, shared=100),
    ]

    assert [request.prefilled for request in Bench(speed, calls).run()] == [110, 10, 110, 110]


def test_a_failure_separates_what_had_begun_from_what_had_not() -> None:
    """One is in decode, one in prefill, one in the queue."""
    bench = Bench(
        flat(0.01, 2, read_s=0.01),
        [TracedCall(0.0, 0, 500), TracedCall(0.1, 100, 5), TracedCall(0.2, 0, 5)],
    )
    bench.run(until=0.5)
    begun, waiting = bench.engine.fail()
    bench.run(until=1.0)
    bench.engine.restart()
    again = SimulatedRequest(TracedCall(1.0, 0, 2), 1.0)
    bench.engine.accept(again)
    bench.run()

    assert (begun, waiting) == ([bench.requests[0]], bench.requests[1:])
    assert again.ending == "whole"


# Service in units of 1 s; a step is a thousandth of it, so whole steps hide nothing.
COUNT = 6000


def waits(requests: list[SimulatedRequest], step_s: float) -> float:
    """Mean time from arrival to the step of the prefill, without the first fifth."""
    late = requests[len(requests) // 5 :]
    return sum(request.first_s - request.arrived_s - step_s for request in late) / len(late)


@pytest.mark.parametrize(
    ("rate", "variation", "wait_s"),
    [(0.8, 0.0, 2.0), (0.8, 1.0, 4.0), (1.0, 0.0, math.inf), (2.0, 1.0, math.inf)],
)
def test_the_formula_of_pollaczek_and_khinchine(
    rate: float, variation: float, wait_s: float
) -> None:
    """M/D/1 waits half as long as M/M/1, and what never settles for ever."""
    assert mg1_wait_s(rate, 1.0, variation) == pytest.approx(wait_s)


def test_a_single_slot_with_equal_answers_is_md1() -> None:
    """Waits follow the formula of Pollaczek and Khinchine."""
    mean_s = waits(Bench(flat(0.001, 1), poisson_arrivals(0.7, [1000] * COUNT)).run(), 0.001)

    assert mean_s == pytest.approx(mg1_wait_s(0.7, 1.0), rel=0.12)


def test_a_single_slot_with_exponential_answers_is_mm1() -> None:
    """Waits are twice those of M/D/1: rho / (1 - rho) services."""
    lengths = [1 + int(DRAW.expovariate(1 / 1000)) for _ in range(3 * COUNT)]
    mean_s = waits(Bench(flat(0.001, 1), poisson_arrivals(0.6, lengths)).run(), 0.001)

    assert mean_s == pytest.approx(0.6 / (1 - 0.6), rel=0.15)


def test_slots_of_equal_speed_are_mmc() -> None:
    """Four slots, each a server: a step takes as long however many share it.

    Erlang C of 2 Erlang offered to 4 servers is 4/23, and the wait C / (4 - 2) services.
    """
    lengths = [1 + int(DRAW.expovariate(1 / 1000)) for _ in range(3 * COUNT)]
    mean_s = waits(Bench(flat(0.001, 4), poisson_arrivals(2.0, lengths)).run(), 0.001)

    assert mean_s == pytest.approx(2 / 23, rel=0.2)


def test_a_batch_that_shares_one_processor_is_processor_sharing() -> None:
    """With step times proportional to the batch, an answer takes s / (1 - rho)."""
    steps = (0.0, *(0.001 * batch for batch in range(1, 400)))
    speed = EngineSpeed(steps, read_s=0.0, budget=2048)
    requests = Bench(speed, poisson_arrivals(0.6, [1000] * COUNT)).run()
    late = requests[COUNT // 5 :]
    mean_s = sum(request.last_s - request.arrived_s for request in late) / len(late)

    assert mean_s == pytest.approx(1.0 / (1 - 0.6), rel=0.12)
