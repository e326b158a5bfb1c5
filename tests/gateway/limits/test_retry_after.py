"""Retry-After, estimated from recent slot releases."""

import asyncio

import pytest

from gateway.errors import TooBusy
from gateway.limits.admission import AdmissionQueue, RetryAfterEstimator
from tests.gateway.clock import Clock


async def test_a_full_house_says_when() -> None:
    """Two wait, and a slot becomes free every four seconds: then both have had a slot."""
    clock = Clock(100.0)
    house = AdmissionQueue(
        max_inflight=1, max_queue=2, timeout_s=30, estimator=RetryAfterEstimator(clock)
    )
    await house.acquire("routine")
    waiting = [asyncio.create_task(house.acquire("routine")) for _ in range(2)]
    await asyncio.sleep(0)
    for _ in range(3):
        clock.now += 4
        house.release()
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(house.acquire("routine")))
        await asyncio.sleep(0)

    with pytest.raises(TooBusy) as raised:
        await house.acquire("routine")
    assert raised.value.headers()["retry-after"] == "12"
    emergency = asyncio.create_task(house.acquire("emergency"))
    await asyncio.sleep(0)
    with pytest.raises(TooBusy) as displaced:
        await waiting[-1]
    assert int(displaced.value.headers()["retry-after"]) >= 8
    for task in (*waiting, emergency):
        task.cancel()
    await asyncio.gather(*waiting, emergency, return_exceptions=True)
