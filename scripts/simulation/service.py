"""The wiring: callers, gateways, routers, engines and the clock. `run` is the whole simulation."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final

import simpy

from launcher.capacity import measured
from scripts.simulation.engine import Engine
from scripts.simulation.gateway import Gateway
from scripts.simulation.journey import Journey
from scripts.simulation.policy import POLICIES, View
from scripts.simulation.scenario import Failure, Scenario
from scripts.simulation.trace import Call

# The launcher's own settings of the router: see launcher/serving/router.py.
TRIES: Final = 6
FIRST_PAUSE_S: Final = 0.1
SAMPLE_S: Final = 0.5

Events = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was inside at a moment."""

    at_s: float
    running: int
    waiting: int
    at_gateways: int
    busiest: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every journey, in order of arrival, and samples of what was inside."""

    scenario: Scenario
    journeys: list[Journey]
    samples: list[Sample]


class Service:
    """Everything of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.env = simpy.Environment()
        self.draw = random.Random(scenario.seed)  # noqa: S311  # repeatable
        self.engines = [
            Engine(self.env, number, scenario.pace, self.began, self.ended)
            for number in range(scenario.engines)
        ]
        for engine in self.engines if scenario.beside else ():
            engine.beside = scenario.beside
            engine.neighbours = [one for one in self.engines if one is not engine]
        self.gateways = [
            Gateway(scenario.workers, scenario.max_inflight, scenario.max_queue)
            for _ in range(scenario.gateways)
        ]
        self.views = [View(scenario.engines, scenario.seed + n) for n in range(scenario.routers)]
        self.choose = POLICIES[scenario.policy]
        self.entry_s = (scenario.beside or scenario.pace).entry_s
        self.journeys: list[Journey] = []
        self.samples: list[Sample] = []

    def run(self) -> Outcome:
        """Until the scenario's end."""
        self.env.process(self.callers())
        self.env.process(self.sampling())
        if self.scenario.failure is not None:
            self.env.process(self.failing(self.scenario.failure))
        self.env.run(until=self.scenario.until_s)
        return Outcome(self.scenario, self.journeys, self.samples)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it then."""
        timeout = self.env.timeout(seconds)
        assert timeout.callbacks is not None  # noqa: S101  # it has not come to pass yet
        timeout.callbacks.append(lambda _: act())

    def callers(self) -> Events:
        """Each call at its time."""
        for call in self.scenario.calls:
            yield self.env.timeout(call.at_s - self.env.now)
            self.ask(call)

    def ask(self, call: Call, tries: int = 0) -> None:
        """A caller sends it to one of the gateways, as a load balancer with no memory would."""
        journey = Journey(call, self.env.now, tries)
        self.journeys.append(journey)
        journey.gateway = self.draw.randrange(len(self.gateways))
        journey.router = self.draw.randrange(len(self.views))
        self.at_gateway(journey)

    def at_gateway(self, journey: Journey) -> None:
        gateway = self.gateways[journey.gateway]
        seconds = gateway.work_s(self.env.now) + self.entry_s
        if gateway.admit(journey, self.env.now):
            self.after(seconds, lambda: self.route(journey, 0))

    def route(self, journey: Journey, tries: int) -> None:
        """The router picks an engine; one that does not take it is known soon, or at once."""
        view = self.views[journey.router]
        if not view.alive or tries > TRIES:
            self.leave(journey, "lost")
            return
        number = self.choose(view, journey.call)
        if self.engines[number].is_alive:
            view.begin(number)
            self.engines[number].accept(journey)
            return
        self.after(self.pause_s(tries), lambda: self.route(journey, tries + 1))

    def pause_s(self, tries: int) -> float:
        """A growing pause after a refusal; a rack without network does not even refuse."""
        failure = self.scenario.failure
        if failure is not None and failure.is_silent:
            return max(FIRST_PAUSE_S, failure.at_s + failure.notice_s - self.env.now)
        return FIRST_PAUSE_S * float(2**tries)

    def began(self, journey: Journey) -> None:
        """The first token: from here on its gateway relays a chunk a step."""
        batch = max(1, len(self.engines[journey.engine].running))
        journey.relay = measured.CHUNK_S / self.scenario.pace.steps[batch]
        self.gateways[journey.gateway].relay += journey.relay

    def ended(self, journey: Journey) -> None:
        """The last one."""
        self.views[journey.router].end(journey.engine)
        self.leave(journey, journey.ending)

    def leave(self, journey: Journey, ending: Any) -> None:
        """It is over, and its place at the gateway is another's."""
        journey.ending, journey.last_s = ending, self.env.now
        gateway = self.gateways[journey.gateway]
        gateway.relay -= journey.relay
        following = gateway.leave(self.env.now)
        if following is not None:
            self.after(0.0, lambda: self.route(following, 0))

    def failing(self, failure: Failure) -> Events:
        """The rack goes, is missed, comes back, is found."""
        gone = range(failure.first, failure.first + failure.count)
        yield self.env.timeout(failure.at_s)
        again = [one for number in gone for one in self.kill(number, failure)]
        yield self.env.timeout(failure.notice_s)
        for view in self.views:
            view.learn(set(gone), are_alive=False)
        for journey in again:
            self.route(journey, 1)
        yield self.env.timeout(failure.away_s - failure.notice_s)
        for number in gone:
            self.engines[number].revive()
        yield self.env.timeout(failure.found_s)
        for view in self.views:
            view.learn(set(gone), are_alive=True)

    def kill(self, number: int, failure: Failure) -> list[Journey]:
        """Streams on it are cut; what had not begun is asked again of another engine."""
        begun, waiting = self.engines[number].die()
        for journey in [*begun, *waiting]:
            self.views[journey.router].end(number)
        seconds = failure.idle_timeout_s if failure.is_silent else 0.0
        for journey in begun:
            self.after(seconds, lambda one=journey: self.cut(one, failure.again_s))  # type: ignore[misc]
        return waiting

    def cut(self, journey: Journey, again_s: float) -> None:
        self.leave(journey, "cut")
        self.after(again_s, lambda: self.ask(journey.call, journey.tries + 1))

    def sampling(self) -> Events:
        """Look at everything, again and again."""
        while True:
            self.samples.append(self.sample())
            yield self.env.timeout(SAMPLE_S)

    def sample(self) -> Sample:
        inside = [len(one.running) + len(one.reading) for one in self.engines]
        waiting = [len(one.waiting) for one in self.engines]
        queued = sum(len(one.queue) for one in self.gateways)
        busiest = max(map(sum, zip(inside, waiting, strict=True)))
        return Sample(self.env.now, sum(inside), sum(waiting), queued, busiest)


def run(scenario: Scenario) -> Outcome:
    """Simulate it."""
    return Service(scenario).run()
