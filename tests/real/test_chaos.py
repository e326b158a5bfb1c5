"""One real service, and one blow after the other, while callers keep asking.

The clock is set, a worker is killed, the gateway, the engine; the engine is stopped; the disk fills
up. After each the service is back by itself, the time that took is printed, and at the end every
answer that anybody got has its line in a trail that verifies. The tests share the service and run
in their order.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile

import httpx2
import psutil
import pytest

from gateway.audit.rotation import rotated_files
from gateway.audit.verify import verify
from launcher.serving.engine_supervisor import METRICS_EVERY_S
from tests.faults.clock import LIBRARY, REASON
from tests.gateway.audit.conftest import KEY, lines
from tests.gateway.processes.conftest import workers_of
from tests.real.breakable import Breakable
from tests.real.stack import START_S, Stack
from tests.real.test_serve import alive, engine_core
from tests.waiting import until

pytestmark = pytest.mark.slow

DAY_S = 86400
FULL_S = 2.0
LOOKED_S = 3 * METRICS_EVERY_S  # by then the launcher has looked at the engine
CALLERS = 3
# What a caller may get while something is broken: an answer, or one of these.
DEFINED = {
    *("whole", "in band", "gone"),
    # What arrives while vLLM stops gets a 500 of it.
    *("502 engine_cut", "502 engine_rejected", "503 engine_unavailable", "504 engine_timeout"),
    *("503 audit_unavailable", "503 draining", "429 too_busy", "503 queue_timeout"),
}


@dataclass
class Callers:
    """A few threads that ask without a pause; what each request came to, and when."""

    url: str
    outcomes: list[tuple[float, str, str]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self.threads = [threading.Thread(target=self.ask_on, args=(n,)) for n in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def ask_on(self, number: int) -> None:
        """Every caller a form of its own; a new connection whenever one is gone."""
        count = 0
        while not self.stopping.is_set():
            name = f"chaos-{number}-{count}"
            outcome = self.ask(name, stream=number > 0, plain=number == 1)
            self.outcomes.append((time.monotonic(), name, outcome))
            count += 1
            self.stopping.wait(0.2 if outcome == "whole" else 0.5)

    def ask(self, name: str, *, stream: bool, plain: bool) -> str:
        body = {"prompt": "What is a fever?", "max_tokens": 16, "stream": stream}
        headers = {"x-request-id": name, **({"accept": "text/plain"} if plain else {})}
        try:
            # Certificates would be read for each.
            with httpx2.Client(timeout=START_S, trust_env=False, verify=False) as client:
                answer = client.post(f"{self.url}/llm/generate", json=body, headers=headers)
        except httpx2.TransportError:
            return "gone"
        return outcome_of(answer)

    def back(self, since: float) -> float:
        """Seconds from then to the first good answer of those that only good ones follow; every
        caller has had one."""
        deadline = since + START_S
        while True:
            told = [(at, outcome) for at, _, outcome in self.outcomes if at > since]
            good = list(takewhile(lambda outcome: outcome[1] == "whole", reversed(told)))
            if len(good) >= CALLERS:
                return good[-1][0] - since
            assert time.monotonic() < deadline, Counter(outcome for _, outcome in told)
            time.sleep(0.1)

    def since(self, began: float) -> Counter[str]:
        return Counter(outcome for at, _, outcome in self.outcomes if at > began)

    @property
    def acknowledged(self) -> set[str]:
        return {name for _, name, outcome in self.outcomes if outcome == "whole"}


def is_guard(process: psutil.Process) -> bool:
    return any(word.endswith("parent_death_guard.py") for word in process.cmdline())


def outcome_of(answer: httpx2.Response) -> str:
    if answer.status_code != 200:
        return f"{answer.status_code} {answer.json()['error']['code']}"
    kind, text = answer.headers["content-type"], answer.text
    if kind.startswith("text/plain"):
        return "in band" if "[interrupted: " in text else "whole"
    if '"error"' in text:
        return "in band"
    whole = text.endswith("data: [DONE]\n\n") if "event-stream" in kind else answer.json()["text"]
    return "whole" if whole else "cut"


@dataclass(frozen=True)
class Shaken:
    """The service, its callers, and what may be done to them."""

    stack: Stack
    callers: Callers
    parts: Breakable

    def gateway(self) -> psutil.Process:
        """The workers' parent, not the guard before it, whose command line ends alike."""
        return next(
            process
            for process in self.stack.processes()
            if process.cmdline()[-2:] == ["-m", "gateway"] and not is_guard(process)
        )

    def workers(self) -> set[int]:
        return workers_of(self.gateway().pid)

    def engine(self) -> psutil.Process:
        """vLLM's API server."""
        return self.stack.find("api_server")


@pytest.fixture(scope="module")
def shaken(breakable: Breakable) -> Iterator[Shaken]:
    """The service with its callers, who begin here."""
    callers = Callers(breakable.served.stack.base_url)
    try:
        callers.begin()
        yield Shaken(breakable.served.stack, callers, breakable)
    finally:
        callers.end()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")  # noqa: T201 - the figures are the point of it

    return say


@contextmanager
def blow(shaken: Shaken, name: str, tell: Callable[[str], None]) -> Iterator[list[float]]:
    """Something is broken inside; afterwards all is as it should be, and how long that took, from
    the beginning or from the last moment that the inside adds."""
    shaken.callers.back(time.monotonic())
    began = time.monotonic()
    moments = [began]
    yield moments
    seconds = shaken.callers.back(moments[-1])
    told = shaken.callers.since(began)
    assert set(told) <= DEFINED, told
    tell(f"{name}: answered again after {seconds:.1f} s; meanwhile {dict(told)}")


@pytest.mark.skipif(not LIBRARY, reason=REASON)
def test_the_clock_is_set(shaken: Shaken, tell: Callable[[str], None]) -> None:
    """A day forward and back: nobody notices, neither launcher, gateway nor vLLM."""
    processes = (shaken.gateway(), shaken.engine())
    for name, jump in (("forward", DAY_S), ("back", -DAY_S), ("right", 0)):
        with blow(shaken, f"clock set {name}", tell) as moments:
            shaken.parts.clock.jump(jump)
            time.sleep(LOOKED_S)
        assert set(shaken.callers.since(moments[0])) == {"whole"}

    assert (shaken.gateway(), shaken.engine()) == processes


def test_a_worker_is_killed(shaken: Shaken, tell: Callable[[str], None]) -> None:
    """Its own streams break; the others serve, and another takes its place."""
    before = shaken.workers()
    with blow(shaken, "SIGKILL of a worker", tell):
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(shaken.workers() - {min(before)}) == 2)


def test_the_gateway_is_killed(shaken: Shaken, tell: Callable[[str], None]) -> None:
    """The launcher starts another; nothing is left of the old one, the engine is the same and is
    rid of its callers."""
    engine, gateway = shaken.engine(), shaken.gateway()
    old = [gateway, *gateway.children()]
    with blow(shaken, "SIGKILL of the gateway", tell):
        gateway.kill()
        until(lambda: not alive(old))

    assert shaken.engine() == engine
    assert shaken.gateway() != gateway


@pytest.mark.parametrize("whom", ["API server", "engine core"])
def test_the_engine_is_stopped(shaken: Shaken, whom: str, tell: Callable[[str], None]) -> None:
    """SIGSTOP: it is found to stall, ended, and started anew; of a core that had nothing to do,
    after twice the time."""
    victim = shaken.engine() if whom == "API server" else engine_core(shaken.stack)
    assert victim is not None
    with blow(shaken, f"SIGSTOP of the {whom}", tell):
        began = time.monotonic()
        victim.suspend()
        shaken.stack.until("stalled")
        tell(f"the stall was found after {time.monotonic() - began:.1f} s")
    assert not alive([victim])


def test_the_engine_is_killed(shaken: Shaken, tell: Callable[[str], None]) -> None:
    """Whoever waits is told at once; nothing is left of it, and it is started anew."""
    victim, core = shaken.engine(), engine_core(shaken.stack)
    seen = len(shaken.stack.phases)
    assert core is not None
    with blow(shaken, "SIGKILL of the engine", tell):
        victim.kill()
        shaken.stack.until("engine_down")
        until(lambda: says_why(shaken.stack, seen))
        until(lambda: not alive([victim, core]))


def says_why(stack: Stack, seen: int) -> bool:
    """Return whether a phase since then, or the present one, has the reason."""
    stack.note()
    return any("killed by SIGKILL" in str(phase["detail"]) for phase in stack.phases[seen:])


def test_the_disk_is_full(shaken: Shaken, tell: Callable[[str], None]) -> None:
    """Nothing is answered without a trail; no process dies of it; with room it goes on at once."""
    disk = shaken.parts.disk
    if disk is None:
        pytest.skip("nobody here may mount a file system")
    processes = (shaken.gateway(), shaken.engine(), *shaken.workers())
    with blow(shaken, "disk full, from when there was room again", tell) as moments:
        disk.fill()
        until(lambda: shaken.callers.since(moments[0])["503 audit_unavailable"] > 0)
        time.sleep(FULL_S)
        disk.make_room()
        moments.append(time.monotonic())

    assert (shaken.gateway(), shaken.engine(), *shaken.workers()) == processes


def test_nothing_acknowledged_is_lost(shaken: Shaken, tell: Callable[[str], None]) -> None:
    """SIGTERM at the end: exit code 0, nobody is left, every whole answer has its line."""
    shaken.callers.end()
    processes = shaken.stack.processes()
    assert shaken.stack.stop() == 0
    assert alive(processes) == []

    trail = shaken.parts.trail
    files = (*rotated_files(trail), trail)
    told = [line for file in files for line in lines(file)]
    written = {line.get("caller_request_id", line.get("request_id")) for line in told}
    tell(json.dumps(Counter(outcome for *_, outcome in shaken.callers.outcomes)))
    assert shaken.callers.acknowledged <= written
    assert not verify(trail, key=KEY).findings
