"""How many requests are at the engine at once, who may wait for that, and in which order."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Protocol

from gateway.errors import QueueTimeout, TooBusy
from gateway.limits.retry_after import RetryAfterEstimator
from gateway.principal import PRIORITIES, Priority

# A waiting class is passed over at most so often in a row: batch work is slow, never starved.
MOST_PASSES = 8


class Admission:
    """A bounded number of places, and a bounded queue: emergency, then routine, then batch.

    `async with admission.turn(priority):` holds a place until the block ends, which must be the
    end of the response's body: a place given back at the first byte would admit without limit.
    Within a class the order is that of arrival. `async with admission:` is a routine turn.
    """

    def __init__(
        self, *, places: int, queue: int, patience_s: float, pace: RetryAfterEstimator | None = None
    ) -> None:
        self._pace = pace or RetryAfterEstimator()
        self.places = places
        self.queue = queue
        self.patience_s = patience_s
        self.inflight = 0
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {
            priority: deque() for priority in PRIORITIES
        }
        self._passed: dict[Priority, int] = dict.fromkeys(PRIORITIES, 0)

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def turn(self, priority: Priority) -> "Slot":
        """A place for one request of a class."""
        return Slot(self, priority)

    async def __aenter__(self) -> None:
        await self.enter("routine")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    async def enter(self, priority: Priority) -> None:
        """Take a place; raises TooBusy or QueueTimeout."""
        if not self.enter_now(priority):
            await self.wait(priority)

    def enter_now(self, priority: Priority) -> bool:
        """Take a place if one is free, or say that there is room to wait; else raises TooBusy."""
        waiting = self.waiting
        if self.inflight < self.places and not waiting:
            self.inflight += 1
            return True
        if waiting >= self.queue and not self._displace(priority):
            raise self._too_busy()
        return False

    def _too_busy(self) -> TooBusy:
        """With the time after which all who wait now will have had their turn."""
        return TooBusy(
            "All places at the engine and in the queue are taken; try again later.",
            retry_after_s=self._pace.wait_s(self.waiting + 1),
        )

    async def wait(self, priority: Priority) -> None:
        """Wait for a place; raises QueueTimeout, or TooBusy when a higher class needs the room."""
        line = self._waiting[priority]
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            async with asyncio.timeout(self.patience_s):
                await turn
        except BaseException as stopped:
            self._give_up(line, turn)
            if isinstance(stopped, TimeoutError):
                raise QueueTimeout(
                    f"No place at the engine came free within {self.patience_s:g} s; try again.",
                    retry_after_s=self._pace.wait_s(self.waiting + 1),
                ) from None
            raise

    def _give_up(self, line: deque[asyncio.Future[None]], turn: asyncio.Future[None]) -> None:
        """Leave the queue, or pass the place on if it was granted in the same moment."""
        if turn in line:
            line.remove(turn)
        elif turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave()

    def _displace(self, priority: Priority) -> bool:
        """Make room in a full queue by turning away the last of the lowest class below this."""
        for lower in PRIORITIES[: PRIORITIES.index(priority) : -1]:
            if self._waiting[lower]:
                self._waiting[lower].pop().set_exception(self._too_busy())
                return True
        return False

    def leave(self) -> None:
        """Give a place back: it changes hands, or is free."""
        if self.inflight >= self.places:
            self._pace.came_free()
        while (line := self._next_line()) is not None:
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)  # the count stays
                return
        self.inflight -= 1
        self._pace.rest()

    def _next_line(self) -> deque[asyncio.Future[None]] | None:
        """Whose turn it is: the highest class, unless a lower one was passed over too often."""
        ranked = [priority for priority in PRIORITIES if self._waiting[priority]]
        if not ranked:
            return None
        starved = [priority for priority in ranked if self._passed[priority] >= MOST_PASSES]
        chosen = starved[-1] if starved else ranked[0]
        for lower in ranked[ranked.index(chosen) + 1 :]:
            self._passed[lower] += 1
        self._passed[chosen] = 0
        return self._waiting[chosen]


class AdmissionQueue(Protocol):
    """What gives places: this process's own Admission, or the parent's of several workers."""

    places: int
    queue: int

    @property
    def inflight(self) -> int: ...

    @property
    def waiting(self) -> int: ...

    def turn(self, priority: Priority) -> "Slot": ...

    async def enter(self, priority: Priority) -> None: ...

    def leave(self) -> None: ...


class Slot:
    """A place at the engine for as long as the block lasts."""

    __slots__ = ("_admission", "_priority")

    def __init__(self, admission: AdmissionQueue, priority: Priority) -> None:
        self._admission = admission
        self._priority = priority

    async def __aenter__(self) -> None:
        await self._admission.enter(self._priority)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._admission.leave()
