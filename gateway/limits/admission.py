"""Admission: the number of requests at the engine, and the queue of those that wait."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Self

from gateway.errors import QueueTimeout, TooBusy
from gateway.principal import PRIORITIES, Priority
from gateway.runtime.futures import settle
from gateway.settings.gateway import GatewaySettings

SHARE = 8  # an eighth of the queue is reserved for a lower class that needs it
RESERVED_S = 60.0  # after a refusal: the longest Retry-After
MAX_SKIPS = 8  # of a waiting class in a row, so that it never starves
NEWEST_WEIGHT = 0.2
MAX_RETRY_AFTER_S = 60


class Slot:
    """A slot at the engine, taken for the duration of the block.

    The block must last until the end of the response's body: released at the first byte, slots
    would limit nothing.
    """

    __slots__ = ("_priority", "_queue")

    def __init__(self, queue: "AdmissionQueue", priority: Priority) -> None:
        self._queue = queue
        self._priority = priority

    async def __aenter__(self) -> None:
        await self._queue.acquire(self._priority)

    async def __aexit__(self, *_: object) -> None:
        self._queue.release()


class RetryAfterEstimator:
    """Estimate Retry-After from recent slot releases.

    It smooths the seconds between two releases while all slots are taken. Gaps while slots are free
    say nothing.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: float | None = None
        self._gap_s: float | None = None

    def note_release(self) -> None:
        """Note a release while all slots were taken."""
        now = self._clock()
        if self._last is not None:
            gap = now - self._last
            known = gap if self._gap_s is None else self._gap_s
            self._gap_s = known + NEWEST_WEIGHT * (gap - known)
        self._last = now

    def note_idle(self) -> None:
        """Note that a slot is free."""
        self._last = None

    def wait_s(self, releases: int) -> int:
        """Return the whole seconds until that many releases, from 1 (also if unknown) to 60."""
        expected = releases * (self._gap_s or 0)
        return min(MAX_RETRY_AFTER_S, max(1, math.ceil(expected)))


class AdmissionQueue:
    """The slots of this process and a bounded queue: emergency, then routine, then batch.

    Within a class the order is that of arrival.
    """

    def __init__(
        self,
        *,
        max_inflight: int,
        max_queue: int,
        timeout_s: float,
        estimator: RetryAfterEstimator | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.max_inflight = max_inflight
        self.max_queue = max_queue
        self.timeout_s = timeout_s
        self.inflight = 0
        self._estimator = estimator or RetryAfterEstimator()
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {
            priority: deque() for priority in PRIORITIES
        }
        self._skips: dict[Priority, int] = dict.fromkeys(PRIORITIES, 0)
        self._shares = reserved_shares(max_queue)
        self._clock = clock
        self._refused: dict[Priority, float] = {}  # the last refusal of each class

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        return cls(
            max_inflight=settings.max_inflight,
            max_queue=settings.max_queue,
            timeout_s=settings.queue_timeout_seconds,
        )

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def slot(self, priority: Priority) -> Slot:
        return Slot(self, priority)

    async def acquire(self, priority: Priority) -> None:
        """Take a slot; raise TooBusy or QueueTimeout."""
        if not self.try_acquire(priority):
            await self.wait(priority)

    def try_acquire(self, priority: Priority) -> bool:
        """Take a slot if one is free; return False if there is room to wait; else raise TooBusy."""
        waiting = self.waiting
        if self.inflight < self.max_inflight and not waiting:
            self.inflight += 1
            return True
        if waiting + self._reserved_below(priority) >= self.max_queue and not self._evict_below(
            priority
        ):
            self._refused[priority] = self._clock()
            raise self._too_busy()
        return False

    def _reserved_below(self, priority: Priority) -> int:
        """Return the room in the queue that is reserved for lower classes: the free part of the
        share of each class that was refused recently."""
        since = self._clock() - RESERVED_S
        lower = PRIORITIES[PRIORITIES.index(priority) + 1 :]
        return sum(
            max(0, self._shares[name] - len(self._waiting[name]))
            for name in lower
            if self._refused.get(name, since) > since
        )

    def _too_busy(self) -> TooBusy:
        return TooBusy(
            "All slots at the engine and in the queue are taken; try again later.",
            retry_after_s=self._retry_after_s(),
        )

    def _retry_after_s(self) -> int:
        """Return the time until all requests that wait now will have had a slot."""
        return self._estimator.wait_s(self.waiting + 1)

    async def wait(self, priority: Priority) -> None:
        """Wait for a slot; raise QueueTimeout, or TooBusy if a higher class needs the room."""
        queue = self._waiting[priority]
        granted = asyncio.get_running_loop().create_future()
        queue.append(granted)
        try:
            async with asyncio.timeout(self.timeout_s):
                await granted
        except (TimeoutError, TooBusy, asyncio.CancelledError) as stopped:
            self._abandon(queue, granted)
            if isinstance(stopped, TimeoutError):
                raise QueueTimeout(
                    f"No slot at the engine came free within {self.timeout_s:g} s; try again.",
                    retry_after_s=self._retry_after_s(),
                ) from None
            raise

    def _abandon(self, queue: deque[asyncio.Future[None]], granted: asyncio.Future[None]) -> None:
        """Leave the queue, or release the slot if it was granted at the same moment."""
        if granted in queue:
            queue.remove(granted)
        elif granted.done() and not granted.cancelled() and granted.exception() is None:
            self.release()

    def _evict_below(self, priority: Priority) -> bool:
        """Make room in a full queue for this class: refuse the last request of the lowest class
        that has more than its share."""
        for lower in PRIORITIES[: PRIORITIES.index(priority) : -1]:
            if len(self._waiting[lower]) > self._shares[lower]:
                self._refused[lower] = self._clock()
                settle(self._waiting[lower].pop(), self._too_busy())
                return True
        return False

    def release(self) -> None:
        """Release a slot: the next request in the queue gets it, or it is free."""
        if self.inflight >= self.max_inflight:
            self._estimator.note_release()
        while (queue := self._next_queue()) is not None:
            if settle(queue.popleft(), None):
                return  # the number of requests stays the same
        self.inflight -= 1
        self._estimator.note_idle()

    def _next_queue(self) -> deque[asyncio.Future[None]] | None:
        """Return the queue of the highest class, or of a lower one that was skipped too often."""
        ranked = [priority for priority in PRIORITIES if self._waiting[priority]]
        if not ranked:
            return None
        starved = [priority for priority in ranked if self._skips[priority] >= MAX_SKIPS]
        chosen = starved[-1] if starved else ranked[0]
        for lower in ranked[ranked.index(chosen) + 1 :]:
            self._skips[lower] += 1
        self._skips[chosen] = 0
        return self._waiting[chosen]


def reserved_shares(max_queue: int) -> dict[Priority, int]:
    """Return the part of the queue that higher classes cannot take from each class: a flood of
    emergencies slows the others down, but does not stop them. The highest class has one place."""
    left, shares = max_queue - 1, dict.fromkeys(PRIORITIES, 0)
    for lower in PRIORITIES[1:]:
        shares[lower] = max(0, min(left, max(1, max_queue // SHARE)))
        left -= shares[lower]
    return shares
