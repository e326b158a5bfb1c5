"""A requested stop: set by signal handlers, and looked at by every loop."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from launcher.process.child import Child

Result = TypeVar("Result")


class Stop:
    """A request to stop within `grace_s` seconds; requested twice, at once."""

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
        """Wait, but not longer than until a stop is requested."""
        try:
            async with asyncio.timeout(seconds):
                await self.requested.wait()
        except TimeoutError:
            return

    async def race(self, work: Coroutine[None, None, Result]) -> Result | None:
        """Return the result of the work; cancel it, for None, when a stop is requested before."""
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
