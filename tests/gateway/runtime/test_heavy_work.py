"""Work on large requests, beside the event loop."""

import asyncio
import threading

from gateway.runtime.heavy_work import HeavyWork


async def test_one_thread_for_all() -> None:
    """However many come, the loop has half of the processor."""
    heavy = HeavyWork()
    large = await asyncio.gather(*(heavy.run(threading.get_ident) for _ in range(9)))
    heavy.close()

    assert len(set(large)) == 1
    assert threading.get_ident() not in large
