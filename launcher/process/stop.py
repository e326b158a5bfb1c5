"""A stop that was asked for: the one note signals leave, and everybody's loops look at."""

from __future__ import annotations

import asyncio

from launcher.process.child import Child


class Stop:
    """Asked for once: within `grace_s` seconds; asked for twice: now."""

    def __init__(self, grace_s: float) -> None:
        self.asked = asyncio.Event()
        self.grace_s = grace_s
        self._hurry = asyncio.Event()

    def ask(self, grace_s: float) -> None:
        """Stop within this many seconds; asked a second time, at once."""
        if self.asked.is_set():
            self._hurry.set()
        self.grace_s = grace_s
        self.asked.set()

    async def pause(self, seconds: float) -> None:
        """Wait, but not longer than until a stop is asked for."""
        try:
            async with asyncio.timeout(seconds):
                await self.asked.wait()
        except TimeoutError:
            return

    async def first(self, child: Child) -> int | None:
        """The child's exit status, or None when a stop is asked for before it ends."""
        ended = asyncio.create_task(child.wait())
        asked = asyncio.create_task(self.asked.wait())
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if ended.done():
            return ended.result()
        ended.cancel()
        return None

    async def end(self, child: Child | None, grace_s: float) -> None:
        """Stop a child, or kill it when a hurry is noted."""
        if child is None:
            return
        stop = asyncio.create_task(child.stop(grace_s))
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stop, hurry}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.done():
            child.kill()
        hurry.cancel()
        await stop
