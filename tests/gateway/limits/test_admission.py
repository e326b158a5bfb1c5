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


async def ticks(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def hold(admission: AdmissionQueue, end: asyncio.Event, log: list[int], number: int) -> None:
    async with admission.slot("routine"):
        log.append(number)
        await end.wait()


async def test_full_is_too_busy() -> None:
    """With two slots and one place in the queue, the fourth request gets a Retry-After."""
    admission, end, log = queue_of(2, 1), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(admission, end, log, n)) for n in range(3)]
    await ticks()
    assert (admission.inflight, admission.waiting, log) == (2, 1, [0, 1])
    with pytest.raises(TooBusy) as raised:
        async with admission.slot("routine"):
            pass
    assert int(raised.value.headers()["retry-after"]) >= 1
    end.set()
    await asyncio.gather(*tasks)
    assert log == [0, 1, 2]
    assert (admission.inflight, admission.waiting) == (0, 0)


async def test_no_queue() -> None:
    """Without a queue, a request without a free slot is refused."""
    admission = queue_of(1, 0)
    async with admission.slot("routine"):
        with pytest.raises(TooBusy):
            await admission.acquire("routine")
    async with admission.slot("routine"):
        assert admission.inflight == 1


async def test_first_come_first_served() -> None:
    """In the order of arrival; nobody overtakes."""
    admission, log = queue_of(1, 99), list[int]()

    async def brief(number: int) -> None:
        async with admission.slot("routine"):
            log.append(number)
            await asyncio.sleep(0)

    tasks = []
    for number in range(20):
        tasks.append(asyncio.create_task(brief(number)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert log == list(range(20))


@pytest.mark.parametrize("priority", ["routine", "emergency"])
async def test_waiting_too_long(priority: Priority) -> None:
    """After the timeout a request is refused, and the queue is as before."""
    admission = queue_of(1, 1, 0.02)
    async with admission.slot("routine"):
        with pytest.raises(QueueTimeout) as raised:
            await admission.acquire(priority)
        assert "0.02 s" in raised.value.message
        assert raised.value.headers() == {"retry-after": "1"}
        assert (admission.inflight, admission.waiting) == (1, 0)
    assert admission.inflight == 0


async def test_leaving_the_queue() -> None:
    """A caller who leaves while waiting takes no slot and blocks nobody."""
    admission, end, log = queue_of(1, 9), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(admission, end, log, n)) for n in range(3)]
    await ticks()
    tasks[1].cancel()
    await ticks()
    assert admission.waiting == 1
    end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert log == [0, 2]
    assert (admission.inflight, admission.waiting) == (0, 0)


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_leaving_at_the_moment_of_the_grant(cancel_first: bool) -> None:
    """The next request gets the slot, in either order of the two events."""
    admission, log = queue_of(1, 9), list[int]()
    ends = [asyncio.Event() for _ in range(3)]
    tasks = [asyncio.create_task(hold(admission, ends[n], log, n)) for n in range(3)]
    await ticks()
    if cancel_first:
        tasks[1].cancel()
        admission.release()
    else:
        admission.release()
        tasks[1].cancel()
    await ticks(5)
    assert log == [0, 2]
    assert admission.inflight == 1
    admission.inflight += 1  # the first one's own leaving is yet to come
    for end in ends:
        end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (admission.inflight, admission.waiting) == (0, 0)


@pytest.mark.parametrize("seed", range(4))
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
