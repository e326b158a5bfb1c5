"""Simulation of the service: callers, gateways, routers, engines and the clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import simpy

from launcher.capacity import measured
from scripts.simulation.engine import SimulatedEngine
from scripts.simulation.policy import POLICIES, View
from scripts.simulation.request import Ending, SimulatedRequest
from scripts.simulation.scenario import Failure, Scenario, TracedCall

# The launcher's own settings of the router: see launcher/serving/router.py.
MAX_RETRIES: Final = 6
FIRST_DELAY_S: Final = 0.1
SAMPLE_S: Final = 0.5
MAX_RELAY_LOAD: Final = 0.95

Events = Generator[simpy.Event, Any, None]


class SimulatedGateway:
    """Workers that take the requests in turn; no experiment limits how many are in progress."""

    def __init__(self, workers: int) -> None:
        self.free_at = [0.0] * workers
        self.relay_load = 0.0  # processors busy with the chunks of open streams
        self.next_worker = 0

    def processing_s(self, now: float) -> float:
        """Return the seconds until a request that arrives now has been forwarded.

        Each worker handles one request at a time (Lindley's recursion), slowed by its relaying.
        """
        self.next_worker = (self.next_worker + 1) % len(self.free_at)
        slower = 1 - min(MAX_RELAY_LOAD, self.relay_load / len(self.free_at))
        begun = max(now, self.free_at[self.next_worker])
        self.free_at[self.next_worker] = begun + measured.REQUEST_S / slower
        return self.free_at[self.next_worker] - now


@dataclass(frozen=True, slots=True)
class Sample:
    """Requests in progress at one time, in all engines."""

    at_s: float
    running: int
    waiting: int


class SimulatedService:
    """All components of one scenario, all requests in order of arrival, and samples of them."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.env = simpy.Environment()
        self.random = random.Random(scenario.seed)  # noqa: S311  # repeatable
        self.engines = [
            SimulatedEngine(self.env, number, scenario.speed, self.on_first_token, self.on_end)
            for number in range(scenario.engines)
        ]
        for engine in self.engines if scenario.contended else ():
            engine.contended = scenario.contended
            engine.neighbours = [other for other in self.engines if other is not engine]
        self.gateways = [SimulatedGateway(scenario.workers) for _ in range(scenario.gateways)]
        self.views = [View(scenario.engines, scenario.seed + n) for n in range(scenario.routers)]
        self.choose = POLICIES[scenario.policy]
        self.latency_s = (scenario.contended or scenario.speed).latency_s
        self.requests: list[SimulatedRequest] = []
        self.samples: list[Sample] = []

    def run(self) -> SimulatedService:
        """Run to the scenario's end, and return the service as it is then."""
        self.env.process(self.arrivals())
        self.env.process(self.sampling())
        if self.scenario.failure is not None:
            self.env.process(self.fail_rack(self.scenario.failure))
        self.env.run(until=self.scenario.until_s)
        return self

    def schedule(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` after this time."""
        timeout = self.env.timeout(seconds)
        assert timeout.callbacks is not None  # noqa: S101  # it is pending
        timeout.callbacks.append(lambda _: act())

    def arrivals(self) -> Events:
        """Submit each call at its time."""
        for call in self.scenario.calls:
            yield self.env.timeout(call.at_s - self.env.now)
            self.submit(call)

    def submit(self, call: TracedCall) -> None:
        """Send a call to a random gateway, as a stateless load balancer would."""
        request = SimulatedRequest(call, self.env.now)
        self.requests.append(request)
        request.gateway = self.random.randrange(len(self.gateways))
        request.router = self.random.randrange(len(self.views))
        seconds = self.gateways[request.gateway].processing_s(self.env.now) + self.latency_s
        self.schedule(seconds, partial(self.route, request, 0))

    def route(self, request: SimulatedRequest, retries: int) -> None:
        """Pick an engine; retry if it does not accept the request."""
        view = self.views[request.router]
        if not view.alive or retries > MAX_RETRIES:
            self.finish(request, "lost")
            return
        number = self.choose(view, request.call)
        if self.engines[number].is_alive:
            view.loads[number] += 1
            self.engines[number].accept(request)
            return
        self.schedule(self.delay_s(retries), partial(self.route, request, retries + 1))

    def delay_s(self, retries: int) -> float:
        """Return the backoff; without a network, the time until the failure is detected."""
        failure = self.scenario.failure
        if failure is not None and failure.is_silent:
            return max(FIRST_DELAY_S, failure.at_s + failure.notice_s - self.env.now)
        return FIRST_DELAY_S * float(2**retries)

    def on_first_token(self, request: SimulatedRequest) -> None:
        """Add the load of relaying: from the first token, one chunk per step."""
        batch = max(1, len(self.engines[request.engine].running))
        request.relay_load = measured.CHUNK_S / self.scenario.speed.steps[batch]
        self.gateways[request.gateway].relay_load += request.relay_load

    def on_end(self, request: SimulatedRequest) -> None:
        """Release the request's slot at its router."""
        self.views[request.router].loads[request.engine] -= 1
        self.finish(request, request.ending)

    def finish(self, request: SimulatedRequest, ending: Ending) -> None:
        """Record the outcome, and end the load of relaying."""
        request.end(ending, self.env.now)
        self.gateways[request.gateway].relay_load -= request.relay_load

    def fail_rack(self, failure: Failure) -> Events:
        """Fail the rack, let the routers detect it, restart it, let them detect that."""
        failed = range(failure.first, failure.first + failure.count)
        yield self.env.timeout(failure.at_s)
        waiting = [request for number in failed for request in self.fail_engine(number, failure)]
        yield self.env.timeout(failure.notice_s)
        for view in self.views:
            view.learn(set(failed), are_alive=False)
        for request in waiting:
            self.route(request, 1)
        yield self.env.timeout(failure.away_s - failure.notice_s)
        for number in failed:
            self.engines[number].restart()
        yield self.env.timeout(failure.found_s)
        for view in self.views:
            view.learn(set(failed), are_alive=True)

    def fail_engine(self, number: int, failure: Failure) -> list[SimulatedRequest]:
        """Cut the streams of an engine; return the requests that had not begun, to be retried."""
        begun, waiting = self.engines[number].fail()
        for request in [*begun, *waiting]:
            self.views[request.router].loads[number] -= 1
        seconds = failure.idle_timeout_s if failure.is_silent else 0.0
        for request in begun:
            self.schedule(seconds, partial(self.cut, request, failure.again_s))
        return waiting

    def cut(self, request: SimulatedRequest, again_s: float) -> None:
        self.finish(request, "cut")
        self.schedule(again_s, partial(self.submit, request.call))

    def sampling(self) -> Events:
        """Take samples at fixed intervals."""
        while True:
            running = sum(len(each.running) + len(each.prefilling) for each in self.engines)
            waiting = sum(len(engine.waiting) for engine in self.engines)
            self.samples.append(Sample(self.env.now, running, waiting))
            yield self.env.timeout(SAMPLE_S)


def run(scenario: Scenario) -> SimulatedService:
    """Simulate a scenario."""
    return SimulatedService(scenario).run()
