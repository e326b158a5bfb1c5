"""Work on large requests in a thread, so that other streams continue."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from gateway.runtime.futures import settle
from gateway.runtime.turns import Turns

T = TypeVar("T")
HEAVY_BYTES = 32 * 1024  # of JSON; parsing less is faster than switching to a thread
Job = tuple[Callable[[], Any], asyncio.Future[Any]]


class HeavyWork:
    """Run work on large documents in one thread, one after the other, each caller in turn.

    With a single thread the event loop keeps half of the processor, however many large requests
    arrive. A caller waits for one job of each other caller before each of its own.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heavy")
        self._waiting: Turns[Job] = Turns()
        self._is_busy = False

    async def run(self, work: Callable[[], T]) -> T:
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put((work, result))
        self._start_next()
        return await result

    async def on(self, size: int, work: Callable[[], T]) -> T:
        """Run the work on this many bytes: in the thread if they are many, else at once."""
        return await self.run(work) if size > HEAVY_BYTES else work()

    def close(self) -> None:
        """Cancel the work that has not started."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _start_next(self) -> None:
        while self._waiting and not self._is_busy:
            work, result = self._waiting.take()
            if not result.done():  # else the caller has hung up
                self._is_busy = True
                running = result.get_loop().run_in_executor(self._thread, work)
                running.add_done_callback(partial(self._finish, result))

    def _finish(self, result: asyncio.Future[Any], running: asyncio.Future[Any]) -> None:
        self._is_busy = False
        if running.cancelled():
            result.cancel()
        else:
            settle(result, running.exception() or running.result())
        self._start_next()
