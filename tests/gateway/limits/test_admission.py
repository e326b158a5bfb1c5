"""Slots at the engine: never too many, never lost, in the order of arrival."""

import asyncio
import random
from typing import get_args

import pytest

from gateway.errors import QueueTimeout, TooBusy
from gateway.limits.admission import AdmissionQueue
from gateway.principal import Priority


def queue_of(slots: int, queue: int, timeout_s: float = 5) -> AdmissionQueue:
    return AdmissionQueue(max_inflight=slots, max_queue=queue, timeout_s=timeout_s)


async def test_waiting_too_long() -> None:
    """After the timeout a request is refused, and the queue is as before."""
    admission = queue_of(1, 1, 0.02)
    async with admission.slot("routine"):
        with pytest.raises(QueueTimeout) as raised:
            await admission.acquire("emergency")
        assert "0.02 s" in raised.value.message
        assert raised.value.headers() == {"retry-after": "1"}
        assert (admission.inflight, admission.waiting) == (1, 0)
    assert admission.inflight == 0


@pytest.mark.parametrize("seed", range(3))
async def test_no_slot_is_ever_lost_or_made(seed: int) -> None:
    """Requests of all classes arrive, wait, time out, are displaced and cancelled at random: the
    counts stay right."""
    chance = random.Random(seed)
    slots, queue = chance.randint(1, 3), chance.randint(0, 5)
    admission = queue_of(slots, queue, chance.choice([0.002, 5]))
    inside = most = 0

    async def call() -> None:
        nonlocal inside, most
        async with admission.slot(chance.choice(get_args(Priority))):
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(chance.choice([0, 0, 0.001, 0.003]))
            finally:
                inside -= 1

    tasks: list[asyncio.Task[None]] = []
    for _ in range(250):
        tasks.append(asyncio.create_task(call()))
        if chance.random() < 0.4:
            chance.choice(tasks[-8:]).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
        assert inside <= admission.inflight <= slots
        assert admission.waiting <= queue
    results = await asyncio.gather(*tasks, return_exceptions=True)
    expected = (asyncio.CancelledError, TooBusy, QueueTimeout, type(None))
    assert all(isinstance(result, expected) for result in results)
    assert (admission.inflight, admission.waiting, inside) == (0, 0, 0)
    assert most == slots
    async with asyncio.timeout(60), admission.slot("routine"):
        pass
