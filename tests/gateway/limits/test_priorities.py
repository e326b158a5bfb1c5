"""Priority classes at the engine; no class starves."""

import asyncio
import contextlib
import itertools
from collections import Counter

import pytest

from gateway.errors import TooBusy
from gateway.limits.admission import MAX_SKIPS, AdmissionQueue, reserved_shares
from gateway.principal import Priority


class Crowd:
    """Requests of several classes at one queue, and the order of their admission."""

    def __init__(self, *, queue: int = 1000) -> None:
        self.gate = AdmissionQueue(max_inflight=1, max_queue=queue, timeout_s=5)
        self.order: list[Priority] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, priority: Priority) -> asyncio.Task[None]:
        """Add a request that leaves as soon as it is admitted."""
        self.tasks.append(asyncio.create_task(self._visit(priority)))
        await asyncio.sleep(0)
        return self.tasks[-1]

    async def _visit(self, priority: Priority) -> None:
        async with self.gate.slot(priority):
            self.order.append(priority)
            await asyncio.sleep(0)


async def test_emergency_goes_first() -> None:
    """Emergencies first and batches last, in any order of arrival."""
    crowd = Crowd()
    async with crowd.gate.slot("routine"):
        for priority in ("batch", "routine", "emergency", "batch", "emergency"):
            await crowd.come(priority)
    await asyncio.gather(*crowd.tasks)

    assert crowd.order == ["emergency", "emergency", "routine", "batch", "batch"]
    assert (crowd.gate.inflight, crowd.gate.waiting) == (0, 0)


async def test_batch_is_never_starved() -> None:
    """With endless emergencies, each other class gets one of every few slots."""
    crowd = Crowd()
    async with crowd.gate.slot("routine"):
        for _ in range(3):
            await crowd.come("batch")
            await crowd.come("routine")
        for _ in range(60):
            await crowd.come("emergency")
    await asyncio.gather(*crowd.tasks)

    begun = crowd.order[: 3 * (MAX_SKIPS + 2)]
    assert Counter(begun)["batch"] >= 2
    assert Counter(begun)["routine"] >= 2
    assert crowd.order[:MAX_SKIPS] == ["emergency"] * MAX_SKIPS
    waits = [place for place, class_ in enumerate(crowd.order) if class_ == "batch"]
    assert all(late - soon <= 2 * (MAX_SKIPS + 2) for soon, late in itertools.pairwise(waits))


async def test_a_full_queue_makes_room_for_an_emergency() -> None:
    """The last request of the lowest class is refused with 429; equal and higher classes keep their
    places."""
    crowd = Crowd(queue=2)
    async with crowd.gate.slot("routine"):
        await crowd.come("routine")
        batch = await crowd.come("batch")
        emergency = await crowd.come("emergency")
        with pytest.raises(TooBusy):
            await batch
        with pytest.raises(TooBusy):
            async with crowd.gate.slot("batch"):
                pass
        routine = await crowd.come("routine")
        with pytest.raises(TooBusy):
            await routine
    await asyncio.gather(*crowd.tasks, return_exceptions=True)

    assert emergency.exception() is None
    assert crowd.order == ["emergency", "routine"]
    assert (crowd.gate.inflight, crowd.gate.waiting) == (0, 0)


async def test_an_emergency_takes_the_room_of_one_that_just_left() -> None:
    """A request that was cancelled at this moment makes room: no other is refused."""
    crowd = Crowd(queue=2)
    async with crowd.gate.slot("routine"):
        stays, leaves = await crowd.come("batch"), await crowd.come("batch")
        leaves.cancel()
        assert not crowd.gate.try_acquire("emergency")
        assert not stays.done()
    await asyncio.gather(*crowd.tasks, return_exceptions=True)

    assert crowd.order == ["batch"]
    assert (crowd.gate.inflight, crowd.gate.waiting) == (0, 0)


@pytest.mark.parametrize("queue", [3, 256])
async def test_a_flood_of_emergencies_leaves_a_share(queue: int) -> None:
    """Other classes have reserved places as soon as they need them; emergencies have the rest."""
    gate = AdmissionQueue(max_inflight=1, max_queue=queue, timeout_s=60)
    gate.try_acquire("emergency")
    waiting = [asyncio.create_task(gate.wait("emergency")) for _ in range(queue)]
    await asyncio.sleep(0)
    lower: tuple[Priority, ...] = ("routine", "batch")
    for class_ in lower:
        with pytest.raises(TooBusy):
            gate.try_acquire(class_)
    for _ in range(sum(reserved_shares(queue).values())):
        gate.release()
    for class_ in lower:
        with pytest.raises(TooBusy):
            gate.try_acquire("emergency")
        assert not gate.try_acquire(class_)
        waiting.append(asyncio.create_task(gate.wait(class_)))
        await asyncio.sleep(0)
    with contextlib.suppress(TooBusy):
        gate.try_acquire("emergency")
    await asyncio.sleep(0)

    assert not any(task.done() for task in waiting[-2:])
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
