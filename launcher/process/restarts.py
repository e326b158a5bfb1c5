"""Children kept running: restarts with exponential backoff, until a stop is requested."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

from launcher.process.child import Child

LONGEST_PAUSE_S = 60.0
# After a child that ran this long, earlier failures no longer count.
RECOVERED_S = 600.0

Clock = Callable[[], float]
Ending = TypeVar("Ending")
Result = TypeVar("Result")


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

    async def end(self, child: Child, grace_s: float) -> None:
        """Stop a child, and kill it once the stop is requested at once."""
        stopping = asyncio.create_task(child.stop(grace_s))
        at_once = asyncio.create_task(self._at_once.wait())
        await asyncio.wait({stopping, at_once}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            child.kill()
        at_once.cancel()
        await stopping


class ChildSupervisor(ABC, Generic[Ending]):
    """Runs a child again and again, with longer and longer pauses, until a stop is requested."""

    def __init__(self, restarts: int, stop: Stop, clock: Clock = time.monotonic) -> None:
        self._stop = stop
        self._clock = clock
        self._restarts = restarts
        self._failures = 0  # in a row
        self._child: Child | None = None

    async def run(self) -> None:
        """Return after a requested stop; raise what an end raises."""
        while not self._stop.requested.is_set():
            started = self._clock()
            ending = await self._run_once()
            if self._stop.requested.is_set():
                return
            has_recovered = self._clock() - started >= RECOVERED_S
            self._failures = 1 if has_recovered else self._failures + 1
            await self._handle_end(ending)
            await self._stop.pause(self._pause_s)

    @property
    def _is_spent(self) -> bool:
        return self._failures > self._restarts

    @property
    def _pause_s(self) -> float:
        """1, 2, 4 ... seconds."""
        return min(LONGEST_PAUSE_S, 2.0 ** min(self._failures - 1, 10))

    async def end(self, grace_s: float) -> None:
        """Stop what runs."""
        if self._child:
            await self._stop.end(self._child, grace_s)

    @abstractmethod
    async def _run_once(self) -> Ending:
        """Start the child, and return its ending."""

    @abstractmethod
    async def _handle_end(self, ending: Ending) -> None:
        """Raise to end the restarts: at the latest when the restarts are spent."""
