"""A gateway that is told to stop: nothing that can be finished is lost, the rest is told."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from requirements import programs
from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway, free_port
from tests.contract.surfaces import CHAT, GENERATE, STREAMS, Surface, events
from tests.fake_engine.process import FakeEngine
from tests.faults.balancer import NGINX, balancing
from tests.faults.load import Crowd, Line, connected
from tests.waiting import eventually

pytestmark = pytest.mark.slow

FINISHING, STUCK = 42, 8
SETTLE_S, GRACE_S = 10, 10
FORMS = tuple(surface for surface in STREAMS if surface.path in (GENERATE, CHAT))


class Caller:
    """One open stream: how it was asked for, and what has come of it."""

    def __init__(self, line: Line, surface: Surface) -> None:
        self.line = line
        self.surface = surface
        self.content = b""

    async def ask(self) -> None:
        """Ask, and return once the answer has begun."""
        await self.line.send(self.surface.path, self.surface.body(), self.surface.headers)
        status, self.head = await self.line.head()
        assert status == 200

    async def rest(self) -> None:
        self.content = await self.line.body(self.head)

    @property
    def parts(self) -> int:
        """Return how many events, or how many bytes of text, came."""
        is_text = self.surface.form == "text"
        return len(self.content) if is_text else len(events(self.content))

    @property
    def is_interrupted(self) -> bool:
        """Return whether it ends with the in-band error of a gateway that stops."""
        if self.surface.form == "text":
            return b"[interrupted: This gateway is stopping" in self.content
        *_, last, done = events(self.content)
        return bool(done == "[DONE]" and last.get("error", {}).get("code") == "draining")


async def asked(gateway: Gateway, surface: Surface) -> Caller:
    """One stream from its beginning to its end."""
    async with connected(Crowd(gateway.port, "none", 0)) as line:
        caller = Caller(line, surface)
        await caller.ask()
        await caller.rest()
    return caller


async def test_fifty_streams_open(start: Start, start_engine: StartEngine) -> None:
    """SIGTERM: /readyz says 503 at once, and who comes while that is seen is still served; who can
    finish within the grace loses no token, the others get the in-band error; exit code 0."""
    engine = start_engine("--created", "1795566865")
    settle, grace = str(SETTLE_S), str(GRACE_S)
    gateway = start(engine.url, MMHIE_SETTLE_SECONDS=settle, MMHIE_DRAIN_SECONDS=grace).wait()
    whole = {surface.name: (await asked(gateway, surface)).parts for surface in FORMS}
    engine.reset()
    engine.next(fault="hang_midstream", times=STUCK)
    engine.next(fault="gated", times=FINISHING)
    async with contextlib.AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(connected(Crowd(gateway.port, "none", 0)))
            for _ in range(STUCK + FINISHING)
        ]
        callers = [Caller(line, FORMS[at % len(FORMS)]) for at, line in enumerate(lines)]
        await asyncio.gather(*(caller.ask() for caller in callers[:STUCK]))
        await asyncio.gather(*(caller.ask() for caller in callers[STUCK:]))
        gateway.signal()
        await asyncio.to_thread(no_longer_ready, gateway)
        late = await asked(gateway, FORMS[0])
        engine.release(FINISHING * 100)
        await asyncio.gather(*(caller.rest() for caller in callers))

    assert late.parts == whole[FORMS[0].name]
    assert all(caller.is_interrupted for caller in callers[:STUCK])
    assert all(caller.parts == whole[caller.surface.name] for caller in callers[STUCK:])
    assert not any(caller.is_interrupted for caller in callers[STUCK:])
    assert gateway.exit_code() == 0
    engine.until(lambda stats: stats["running"] == 0)
    assert engine.stats["aborted"] == STUCK


def no_longer_ready(gateway: Gateway) -> None:
    """Return once /readyz says so; it is answered all the while."""
    while gateway.client.get("/readyz").status_code != 503:
        time.sleep(0.01)


CALLERS = 12


def begun(folder: Path, engine: FakeEngine, port: int) -> Gateway:
    """A gateway on this port, ready."""
    times = {"MMHIE_SETTLE_SECONDS": "0.5", "MMHIE_DRAIN_SECONDS": "10"}
    return Gateway(folder, engine.url, MMHIE_PORT=str(port), **times).wait()


@pytest.mark.skipif(not NGINX, reason=programs.reason("nginx"))
async def test_a_rolling_restart_loses_no_request(
    tmp_path: Path, start_engine: StartEngine
) -> None:
    """Two gateways behind nginx, one restarted after the other under a steady load: every request
    is answered, whole."""
    engine = start_engine("--token-delay", "0.01")
    ports = [free_port(), free_port()]
    gateways = [begun(tmp_path, engine, port) for port in ports]
    try:
        with balancing(tmp_path, ports) as port:
            crowd = Crowd(port, "none", 0)
            asking = [asyncio.create_task(crowd.ask(number)) for number in range(CALLERS)]
            for place, own in enumerate(ports):
                await answered(crowd)
                gateways[place].signal()
                assert await asyncio.to_thread(gateways[place].exit_code) == 0
                gateways[place].stop()
                gateways[place] = await asyncio.to_thread(begun, tmp_path, engine, own)
            await answered(crowd)
            crowd.stopping.set()
            await asyncio.gather(*asking)
    finally:
        for gateway in gateways:
            gateway.stop()

    assert set(crowd.outcomes) == {"request: complete"}, crowd.outcomes


async def answered(crowd: Crowd) -> None:
    """Wait for two more answers to each caller."""
    enough = crowd.outcomes.total() + 2 * CALLERS
    await eventually(lambda: crowd.outcomes.total() >= enough)
