"""The watchdog on the event loop: who computes is named."""

import asyncio
import contextlib
import time
from types import SimpleNamespace

from gateway.api.paths import CHAT
from gateway.runtime.loop_watchdog import BLOCKED_S, LoopWatchdog
from tests.waiting import PATIENCE_S, beside, eventually

EXCHANGE = SimpleNamespace(
    scope={"route": SimpleNamespace(path=CHAT), "path": "/v1/chat/../secret"}
)


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
    """As it was declared, never as the caller spelled it."""
    holds: list[tuple[str, float]] = []

    async def serve(exchange: object, watchdog: LoopWatchdog) -> None:
        spin(watchdog)

    async with watched(holds) as watchdog:
        await serve(EXCHANGE, watchdog)
        await eventually(lambda: holds)

    ((route, seconds),) = holds
    assert route == CHAT
    assert seconds > BLOCKED_S
