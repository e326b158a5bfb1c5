"""Work beside the requests: tasks that no exception ends for good, and large requests."""

import asyncio

from gateway.runtime import background
from gateway.runtime.background import WARN_S, Background, Task
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
