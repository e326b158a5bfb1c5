"""Work on large requests in a thread, so that other streams continue."""

import asyncio
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
HEAVY_BYTES = 32 * 1024  # of JSON; parsing less is faster than switching to a thread


class HeavyWork:
    """Run work on large documents in one thread, one after the other.

    With a single thread the event loop keeps half of the processor, however many large requests
    arrive.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heavy")

    async def run(self, work: Callable[[], T]) -> T:
        """Run the work in the thread and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def on(self, document: Sized, work: Callable[[], T]) -> T:
        """Run the work on a document: in the thread if it is large, else at once."""
        return await self.run(work) if len(document) > HEAVY_BYTES else work()

    def close(self) -> None:
        """Cancel the work that has not started."""
        self._thread.shutdown(wait=False, cancel_futures=True)
