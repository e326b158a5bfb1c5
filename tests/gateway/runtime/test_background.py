"""Work beside the requests: tasks that no exception ends for good, and large requests."""

import asyncio
import threading

import pytest

from gateway.runtime import background
from gateway.runtime.background import WARN_S, Background, Task
from gateway.runtime.heavy_work import HeavyWork
from tests.gateway.clock import Clock
from tests.waiting import LoopClock


async def test_a_task_that_fails_runs_again() -> None:
    """It is counted, and told to the operator for some minutes."""
    counted: list[Task] = []
    clock, loop_clock, runs = Clock(), LoopClock(), asyncio.Event()
    tasks = Background(counted.append, clock=clock)

    async def failing_once() -> None:
        if not counted:
            raise RecursionError
        runs.set()

    keeping = asyncio.create_task(tasks.keep("keys", failing_once))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await loop_clock.forward(background.PAUSE_S)
    await runs.wait()
    await keeping

    assert counted == ["keys"]
    (told,) = tasks.warnings()
    assert "`keys`" in told
    clock.now += WARN_S
    assert tasks.warnings() == []


async def test_a_task_that_is_cancelled_ends() -> None:
    """The end of the application is no failure."""
    tasks = Background(pytest.fail)
    keeping = asyncio.create_task(tasks.keep("hold", asyncio.Event().wait))  # type: ignore[arg-type] # its result is not looked at
    await asyncio.sleep(0)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_one_thread_for_all() -> None:
    """However many large requests come, the loop has half of the processor."""
    heavy = HeavyWork()
    large = await asyncio.gather(*(heavy.run(threading.get_ident) for _ in range(9)))
    heavy.close()

    assert len(set(large)) == 1
    assert threading.get_ident() not in large
