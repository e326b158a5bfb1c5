"""Children kept running: restarts with exponential backoff, until a stop is requested."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TypeVar

from launcher.process.child import Child

LONGEST_PAUSE_S = 60.0
# After a child that ran this long, earlier failures no longer count.
RECOVERED_S = 600.0

Clock = Callable[[], float]
Ending = TypeVar("Ending")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RestartBackoff:
    """Failures in a row, and how many are allowed."""

    limit: int
    failures: int = 0

    def after(self, lasted_s: float) -> "RestartBackoff":
        """Count one more failure, of a child that lasted this long."""
        return RestartBackoff(self.limit, 1 if lasted_s >= RECOVERED_S else self.failures + 1)

    @property
    def is_spent(self) -> bool:
        return self.failures > self.limit

    @property
    def pause_s(self) -> float:
        """1, 2, 4 ... seconds."""
        return min(LONGEST_PAUSE_S, 2.0 ** max(0, self.failures - 1))


class Stop:
    """A request to stop within `grace_s` seconds; a second request means at once."""

    def __init__(self, grace_s: float) -> None:
        self.requested = asyncio.Event()
        self.grace_s = grace_s
        self._at_once = asyncio.Event()

    def request(self, grace_s: float) -> None:
        """Request a stop within this many seconds; the second request means at once."""
        if self.requested.is_set():
            self._at_once.set()
        self.grace_s = grace_s
        self.requested.set()

    async def pause(self, seconds: float) -> None:
        """Wait, at most until a stop is requested."""
        try:
            async with asyncio.timeout(seconds):
                await self.requested.wait()
        except TimeoutError:
            return

    async def race(self, work: Coroutine[None, None, Result]) -> Result | None:
        """Return the result of the work; None, and cancel it, if a stop is requested first."""
        working, stopped = asyncio.create_task(work), asyncio.create_task(self.requested.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            is_done = working.done()
            working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return working.result() if is_done else None

    async def end(self, child: Child | None, grace_s: float) -> None:
        """Stop a child, and kill it once the stop is requested at once."""
        if child is None:
            return
        stopping = asyncio.create_task(child.stop(grace_s))
        at_once = asyncio.create_task(self._at_once.wait())
        await asyncio.wait({stopping, at_once}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            child.kill()
        at_once.cancel()
        await stopping


async def keep_running(
    run_once: Callable[[], Awaitable[Ending]],
    ended: Callable[[Ending, RestartBackoff], Awaitable[None]],
    *,
    limit: int,
    stop: Stop,
    clock: Clock = time.monotonic,
) -> None:
    """Run again and again, with a pause between, until a stop is requested.

    `ended` gets each ending, and raises to end the restarts: at the latest when the backoff is
    spent.
    """
    backoff = RestartBackoff(limit)
    while not stop.requested.is_set():
        started = clock()
        ending = await run_once()
        if stop.requested.is_set():
            return
        backoff = backoff.after(clock() - started)
        await ended(ending, backoff)
        await stop.pause(backoff.pause_s)
