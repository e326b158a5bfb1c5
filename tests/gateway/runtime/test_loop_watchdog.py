"""The watchdog on the event loop: who computes is named, who only waits is not."""

import asyncio
import contextlib
import time
from types import SimpleNamespace

from gateway.api.paths import CHAT
from gateway.runtime.loop_watchdog import BEAT_S, BLOCKED_S, NO_ROUTE, LoopWatchdog
from tests.waiting import PATIENCE_S, beside, eventually

EXCHANGE = SimpleNamespace(
    scope={"route": SimpleNamespace(path=CHAT), "path": "/v1/chat/../secret"}
)


class Relay:
    """Work of a request that runs in no task of its own: a callback of the engine's connection."""

    def __init__(self) -> None:
        self._exchange = EXCHANGE

    def compute(self, watchdog: LoopWatchdog) -> None:
        spin(watchdog)


def spin(watchdog: LoopWatchdog) -> None:
    """Compute until the watchdog has looked, and for longer than it allows."""
    started, until = time.process_time(), time.monotonic() + PATIENCE_S
    while time.process_time() - started < 4 * BLOCKED_S or watchdog.suspect is None:
        assert time.monotonic() < until


@contextlib.asynccontextmanager
async def watched(found: list[tuple[str, float]]):  # type: ignore[no-untyped-def] # a generator
    watchdog = LoopWatchdog(lambda route, seconds: found.append((route, seconds)))
    async with beside(watchdog.run()):
        await asyncio.sleep(0)
        yield watchdog


async def test_the_route_that_computes_is_named() -> None:
    """As it was declared, never as the caller spelled it: in a task, and in a callback."""
    holds: list[tuple[str, float]] = []

    async def serve(exchange: object, watchdog: LoopWatchdog) -> None:
        spin(watchdog)

    async with watched(holds) as watchdog:
        await serve(EXCHANGE, watchdog)
        await eventually(lambda: holds)
        asyncio.get_running_loop().call_soon(Relay().compute, watchdog)
        await eventually(lambda: len(holds) == 2)

    assert [route for route, _ in holds] == [CHAT, CHAT]
    assert min(seconds for _, seconds in holds) > BLOCKED_S


async def test_who_does_not_compute_is_not_reported() -> None:
    """A machine that is busy with other programs holds nobody's loop; what nobody asked for has no
    route."""
    holds: list[tuple[str, float]] = []
    async with watched(holds) as watchdog:
        time.sleep(4 * BLOCKED_S)  # the process does not run, as on a busy machine
        await asyncio.sleep(BEAT_S)
        asyncio.get_running_loop().call_soon(Relay().compute, watchdog)
        await eventually(lambda: CHAT in [route for route, _ in holds])
        spin(watchdog)
        await eventually(lambda: NO_ROUTE in [route for route, _ in holds])

    assert [route for route, _ in holds] == [CHAT, NO_ROUTE]
