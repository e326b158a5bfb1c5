"""Work on large requests, off the event loop: others' tokens go on meanwhile."""

import asyncio
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
HEAVY_BYTES = 32 * 1024  # of JSON; below, reading it takes less than a thread's turn


class HeavyWork:
    """One thread, so that the event loop has half of the processor however many large requests
    come; they wait for each other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heavy")

    async def run(self, work: Callable[[], T]) -> T:
        """Return what the work returns; raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def on(self, document: Sized, work: Callable[[], T]) -> T:
        """Return what the work on a document returns; on a small one it is done at once."""
        return await self.run(work) if len(document) > HEAVY_BYTES else work()

    def close(self) -> None:
        """Drop what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)
