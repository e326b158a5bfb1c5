"""Restarts with exponential backoff, the same for every child that is kept running."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from launcher.process.stop import Stop

LONGEST_PAUSE_S = 60.0
# A child that lasted this long had recovered: what failed before no longer counts.
RECOVERED_S = 600.0

Clock = Callable[[], float]
Ending = TypeVar("Ending")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failures in a row, and how many are allowed."""

    limit: int
    failures: int = 0

    def after(self, lasted_s: float) -> "Backoff":
        """Count one more failure, of a child that lasted this long."""
        return Backoff(self.limit, 1 if lasted_s >= RECOVERED_S else self.failures + 1)

    @property
    def is_spent(self) -> bool:
        return self.failures > self.limit

    @property
    def pause_s(self) -> float:
        """1, 2, 4 ... seconds."""
        return min(LONGEST_PAUSE_S, 2.0 ** max(0, self.failures - 1))


async def keep_running(
    run_once: Callable[[], Awaitable[Ending]],
    ended: Callable[[Ending, Backoff], Awaitable[None]],
    *,
    limit: int,
    stop: Stop,
    clock: Clock = time.monotonic,
) -> None:
    """Run again and again, with a pause between, until a stop is requested.

    `ended` gets each ending, and raises to end the restarts: at the latest when the backoff is
    spent.
    """
    backoff = Backoff(limit)
    while not stop.requested.is_set():
        started = clock()
        ending = await run_once()
        if stop.requested.is_set():
            return
        backoff = backoff.after(clock() - started)
        await ended(ending, backoff)
        await stop.pause(backoff.pause_s)
