"""Waiting for a condition, with a deadline that only keeps a fault from hanging the suite."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

PATIENCE_S = 150.0  # only a hang takes so long; pytest would end its test soon after


def until(
    true: Callable[[], object], seconds: float = PATIENCE_S, *, every_s: float = 0.02
) -> None:
    """Wait until a condition holds; AssertionError when it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(every_s)


async def eventually(true: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """The same on an event loop, which works on meanwhile."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Work that goes on beside a block, and is cancelled at its end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class LoopClock:
    """The clock of the running event loop, which a test sets forward: limits of minutes run out in
    no time, and what a busy machine takes does not count."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._true_time, self._call_later = self._loop.time, self._loop.call_later
        self._ahead = 0.0
        self._timers: list[Timer] = []
        ours: dict[str, Any] = {"time": lambda: self._true_time() + self._ahead}
        if not isinstance(self._loop, asyncio.BaseEventLoop):  # uvloop's timers have their own time
            ours |= {"call_at": self._at, "call_later": self._later}
        vars(self._loop).update(ours)

    async def forward(self, seconds: float) -> None:
        """Let so much time pass, and run what is due by then."""
        self._ahead += seconds
        for timer in [due for due in self._timers if due.when <= self._loop.time()]:
            if not timer.handle.cancelled():
                timer.handle.cancel()
                self._loop.call_soon(timer.act)
            self._timers.remove(timer)
        await asyncio.sleep(0.01)

    def _at(
        self, when: float, act: Callable[..., object], *arguments: Any, **more: Any
    ) -> asyncio.TimerHandle:
        def fire() -> None:
            self._timers.remove(timer)
            act(*arguments)

        handle = self._call_later(max(0.0, when - self._loop.time()), fire, **more)
        timer = Timer(when, handle, partial(act, *arguments))
        self._timers.append(timer)
        return timer.handle

    def _later(
        self, delay: float, act: Callable[..., object], *arguments: Any, **more: Any
    ) -> asyncio.TimerHandle:
        return self._at(self._loop.time() + delay, act, *arguments, **more)


@dataclass(frozen=True, slots=True)
class Timer:
    """A call that is due at a time."""

    when: float
    handle: asyncio.TimerHandle
    act: Callable[[], object]
