"""One real service, and one blow after the other, while callers keep asking.

The clock is set, the gateway is killed, the engine; the engine is stopped; the disk fills
up. After each the service is back by itself (`pytest -rP` prints how soon), and at the end every
answer that anybody got has its line in a trail that verifies. The tests share the service and run
in their order.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from gateway.audit.rotation import rotated_files
from gateway.audit.verify import verify
from launcher.serving.engine_supervisor import METRICS_EVERY_S
from requirements import programs
from tests.gateway.audit.conftest import KEY, lines
from tests.real.breakable import LIBRARY, Breakable
from tests.real.callers import Callers
from tests.real.stack import Stack, alive
from tests.real.test_serve import engine_core
from tests.waiting import until

pytestmark = pytest.mark.slow

DAY_S = 86400
FULL_S = 2.0
LOOKED_S = 3 * METRICS_EVERY_S  # by then the launcher has looked at the engine
# What a caller may get while something is broken: an answer, or one of these.
DEFINED = {
    *("whole", "in band", "gone"),
    # What arrives while vLLM stops gets a 500 of it.
    *("502 engine_cut", "502 engine_rejected", "503 engine_unavailable", "504 engine_timeout"),
    *("503 audit_unavailable", "503 draining", "429 too_busy", "503 queue_timeout"),
}


def is_guard(process: psutil.Process) -> bool:
    return any(word.endswith("parent_death_guard.py") for word in process.cmdline())


@dataclass(frozen=True)
class Shaken:
    """The service, its callers, and what may be done to them."""

    stack: Stack
    callers: Callers
    parts: Breakable

    def gateway(self) -> psutil.Process:
        """The gateway, not the guard before it, whose command line ends alike."""
        return next(
            process
            for process in self.stack.processes()
            if process.cmdline()[-2:] == ["-m", "gateway"] and not is_guard(process)
        )

    def engine(self) -> psutil.Process:
        """vLLM's API server."""
        return self.stack.find("api_server")


@pytest.fixture(scope="module")
def shaken(breakable: Breakable) -> Iterator[Shaken]:
    """The service with its callers, who begin here."""
    url = breakable.served.stack.base_url
    with Callers(url) as callers:
        yield Shaken(breakable.served.stack, callers, breakable)


@contextmanager
def blow(shaken: Shaken, name: str) -> Iterator[list[float]]:
    """Something is broken inside; afterwards all is as it should be, and how long that took, from
    the beginning or from the last moment that the inside adds."""
    shaken.callers.back(time.monotonic())
    began = time.monotonic()
    moments = [began]
    yield moments
    seconds = shaken.callers.back(moments[-1])
    told = shaken.callers.since(began)
    assert set(told) <= DEFINED, told
    sys.stdout.write(f"{name}: answered again after {seconds:.1f} s; meanwhile {dict(told)}\n")


@pytest.mark.skipif(not LIBRARY, reason=programs.reason("faketime"))
def test_the_clock_is_set(shaken: Shaken) -> None:
    """A day forward and back: nobody notices, neither launcher, gateway nor vLLM."""
    processes = (shaken.gateway(), shaken.engine())
    for name, jump in (("forward", DAY_S), ("back", -DAY_S), ("right", 0)):
        with blow(shaken, f"clock set {name}") as moments:
            shaken.parts.clock.jump(jump)
            time.sleep(LOOKED_S)
        assert set(shaken.callers.since(moments[0])) == {"whole"}

    assert (shaken.gateway(), shaken.engine()) == processes


def test_the_gateway_is_killed(shaken: Shaken) -> None:
    """The launcher starts another; nothing is left of the old one, the engine is the same and is
    rid of its callers."""
    engine, gateway = shaken.engine(), shaken.gateway()
    old = [gateway, *gateway.children()]
    with blow(shaken, "SIGKILL of the gateway"):
        gateway.kill()
        until(lambda: not alive(old))

    assert shaken.engine() == engine
    assert shaken.gateway() != gateway


@pytest.mark.parametrize("whom", ["API server", "engine core"])
def test_the_engine_is_stopped(shaken: Shaken, whom: str) -> None:
    """SIGSTOP: it is found to stall, ended, and started anew; of a core that had nothing to do,
    after twice the time."""
    victim = shaken.engine() if whom == "API server" else engine_core(shaken.stack)
    assert victim is not None
    with blow(shaken, f"SIGSTOP of the {whom}"):
        victim.suspend()
        shaken.stack.until("stalled")
    assert not alive([victim])


def test_the_engine_is_killed(shaken: Shaken) -> None:
    """Whoever waits is told at once; nothing is left of it, and it is started anew."""
    victim, core = shaken.engine(), engine_core(shaken.stack)
    seen = len(shaken.stack.phases)
    assert core is not None
    with blow(shaken, "SIGKILL of the engine"):
        victim.kill()
        shaken.stack.until("engine_down")
        until(lambda: says_why(shaken.stack, seen))
        until(lambda: not alive([victim, core]))


def says_why(stack: Stack, seen: int) -> bool:
    """Return whether a phase since then, or the present one, has the reason."""
    stack.note()
    return any("killed by SIGKILL" in str(phase["detail"]) for phase in stack.phases[seen:])


def test_the_disk_is_full(shaken: Shaken) -> None:
    """Nothing is answered without a trail; no process dies of it; with room it goes on at once."""
    disk = shaken.parts.disk
    if disk is None:
        pytest.skip("nobody here may mount a file system")
    processes = (shaken.gateway(), shaken.engine())
    with blow(shaken, "disk full, from when there was room again") as moments:
        disk.fill()
        until(lambda: shaken.callers.since(moments[0])["503 audit_unavailable"] > 0)
        time.sleep(FULL_S)
        disk.make_room()
        moments.append(time.monotonic())

    assert (shaken.gateway(), shaken.engine()) == processes


def test_nothing_acknowledged_is_lost(shaken: Shaken) -> None:
    """SIGTERM at the end: exit code 0, nobody is left, every whole answer has its line."""
    shaken.callers.end()
    processes = shaken.stack.processes()
    assert shaken.stack.stop() == 0
    assert alive(processes) == []

    trail = shaken.parts.trail
    files = (*rotated_files(trail), trail)
    told = [line for file in files for line in lines(file)]
    written = {line.get("caller_request_id", line.get("request_id")) for line in told}
    assert shaken.callers.acknowledged <= written
    assert not verify(trail, key=KEY).findings
