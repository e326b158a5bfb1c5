"""The thread for large documents: callers take turns, and who hangs up is passed over."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from gateway.runtime.heavy_work import HeavyWork
from gateway.runtime.turns import CALLER


@pytest.fixture
async def heavy() -> AsyncIterator[HeavyWork]:
    work = HeavyWork()
    yield work
    work.close()


async def test_callers_take_turns(heavy: HeavyWork) -> None:
    """Whoever sends one document waits for one job of a caller who has sent thirty."""
    done: list[str] = []

    async def send(caller: str) -> None:
        CALLER.set(caller)
        await heavy.run(lambda: done.append(caller))

    flood = [asyncio.create_task(send("flood")) for _ in range(30)]
    await asyncio.sleep(0)  # all of them wait, or run
    await asyncio.gather(*flood, *(asyncio.create_task(send(name)) for name in ("a", "b")))

    assert {*done[:4]} == {"flood", "a", "b"}


async def test_a_failure_and_a_caller_who_left_stop_nobody(heavy: HeavyWork) -> None:
    """The error is the caller's own; work that nobody waits for is not begun."""
    released, done = threading.Event(), []
    busy = asyncio.create_task(heavy.run(released.wait))
    failing = asyncio.create_task(heavy.run(lambda: int("x")))
    left = asyncio.create_task(heavy.run(lambda: done.append("left")))
    last = asyncio.create_task(heavy.run(lambda: done.append("last")))
    await asyncio.sleep(0)
    left.cancel()
    released.set()

    assert isinstance((await asyncio.gather(failing, return_exceptions=True))[0], ValueError)
    await last
    assert await busy
    assert done == ["last"]
