"""Turns of callers, so that nobody waits behind all the work of another."""

import asyncio
from collections import deque
from contextvars import ContextVar
from typing import Generic, TypeVar

from gateway.runtime.futures import settle

T = TypeVar("T")
CALLER = ContextVar("CALLER", default="")  # for whom this task works


class Turns(Generic[T]):
    """A queue that gives one item of each caller in turn; both methods take constant time."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}  # the next caller first

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, item: T) -> None:
        """Add an item of this task's caller."""
        self._waiting.setdefault(CALLER.get(), deque()).append(item)

    def take(self) -> T:
        """Take the first item of the next caller, who becomes the last one."""
        caller = next(iter(self._waiting))
        items = self._waiting.pop(caller)
        if len(items) > 1:
            self._waiting[caller] = items
        return items.popleft()


class LoopTurns:
    """Turns of work on the event loop: one step in each pass of the loop, whose other tasks wait
    for no more than that."""

    def __init__(self) -> None:
        self._waiting: Turns[asyncio.Future[None]] = Turns()

    async def wait(self) -> None:
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._grant, loop)
        self._waiting.put(turn)
        await turn

    def _grant(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting and not settle(self._waiting.take(), None):
            pass  # that task was cancelled
        if self._waiting:
            loop.call_soon(self._grant, loop)
