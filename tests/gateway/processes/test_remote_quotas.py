"""Calls of a worker to the supervisor's broker: granted, refused, cancelled at every moment."""

import asyncio
from collections import deque

import pytest

from gateway.errors import Draining, GatewayError, InternalError, QueueTimeout, TooBusy
from gateway.limits.admission import LocalAdmissionQueue
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.principal import Limits, Principal
from gateway.processes.json_line_channel import Message
from gateway.processes.quota_broker import QuotaBroker
from gateway.processes.remote_quotas import RemoteAdmissionQueue, RemoteRateLimiter, RpcClient

WHO = Principal("ward", "key", frozenset(), limits=Limits(concurrency=1))


class Node:
    """A supervisor's slots and one worker of it; messages arrive when a test delivers them."""

    def __init__(self, *, queue: int = 8, timeout_s: float = 60) -> None:
        self.admission = LocalAdmissionQueue(max_inflight=1, max_queue=queue, timeout_s=timeout_s)
        self.commands: deque[Message] = deque()
        self.replies: deque[Message] = deque()
        self.rpc = RpcClient(lambda *message: self.commands.append(list(message)))
        self.broker = QuotaBroker(
            LocalRateLimiter(), self.admission, lambda *message: self.replies.append(list(message))
        )
        self.remote = RemoteAdmissionQueue(self.rpc, max_inflight=1, max_queue=queue)
        self.limiter = RemoteRateLimiter(self.rpc)

    def to_supervisor(self) -> None:
        while self.commands:
            self.broker.handle(self.commands.popleft())

    def to_worker(self) -> None:
        while self.replies:
            self.rpc.on_reply(*self.replies.popleft())

    async def settle(self) -> None:
        """Deliver everything until nothing is on its way."""
        for _ in range(8):
            self.to_supervisor()
            self.to_worker()
            await asyncio.sleep(0)

    async def begin(self) -> asyncio.Task[None]:
        """A request for a slot that has been sent."""
        task = asyncio.create_task(self.remote.acquire("routine"))
        await asyncio.sleep(0)
        return task


async def test_granted_and_refused() -> None:
    """With the error and its Retry-After, as if it had been counted here."""
    node = Node(queue=0)
    first, second = await node.begin(), await node.begin()
    await node.settle()

    await first
    with pytest.raises(TooBusy) as found:
        await second
    assert found.value.headers() == {"retry-after": "1"}
    node.remote.release()
    await node.settle()
    assert node.admission.inflight == 0


async def test_waiting_too_long() -> None:
    """A request that waits too long is refused."""
    node = Node(timeout_s=0)
    first, second = await node.begin(), await node.begin()
    await node.settle()

    await first
    with pytest.raises(QueueTimeout):
        await second


async def test_limits_of_a_client() -> None:
    """One of one at once; what it had is counted out."""
    node = Node()
    first = asyncio.create_task(node.limiter.acquire(WHO))
    second = asyncio.create_task(node.limiter.acquire(WHO))
    await asyncio.sleep(0)
    await node.settle()
    with pytest.raises(TooBusy):
        await second
    (await first)(tokens=3)
    third = asyncio.create_task(node.limiter.acquire(WHO))
    await asyncio.sleep(0)
    await node.settle()
    await third


@pytest.mark.parametrize("code", ["new_in_another_version", "internal"])
async def test_a_refusal_that_this_version_does_not_know(code: str) -> None:
    """Is the generic error, not a fault of the worker."""
    node = Node()
    task = await node.begin()
    node.rpc.on_reply(1, code, "Something else.", 7)

    with pytest.raises(InternalError) as found:
        await task
    assert "Something else" not in found.value.message


async def test_a_fault_of_the_queue_is_no_grant() -> None:
    """It is logged by the supervisor and refused."""
    node = Node()

    async def wait(priority: str) -> None:
        raise ZeroDivisionError

    node.admission.wait = wait  # type: ignore[method-assign] # a fault on purpose
    first, second = await node.begin(), await node.begin()
    await node.settle()

    await first
    with pytest.raises(InternalError):
        await second
    assert node.admission.inflight == 1


@pytest.mark.parametrize("moment", ["on its way", "waiting", "granted", "heard"])
async def test_cancelled_at_every_moment(moment: str) -> None:
    """No slot is lost or made, whether the grant was on its way or the cancellation."""
    node = Node()
    if moment != "on its way":
        holder = await node.begin()
        await node.settle()
        await holder
    task = await node.begin()
    if moment == "waiting":
        node.to_supervisor()
    elif moment in ("granted", "heard"):
        node.to_supervisor()
        await asyncio.sleep(0)
        node.remote.release()
        node.to_supervisor()
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(node.replies) == 1
    if moment == "heard":
        node.to_worker()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await node.settle()
    if moment == "waiting":
        node.remote.release()
        await node.settle()

    assert (node.admission.inflight, node.admission.waiting) == (0, 0)
    again = await node.begin()
    await node.settle()
    await again


async def test_refused_in_the_moment_of_the_cancellation() -> None:
    """No slot is returned that was not held."""
    node = Node(queue=0)
    holder, task = await node.begin(), await node.begin()
    node.to_supervisor()
    node.to_worker()
    task.cancel()
    with pytest.raises((asyncio.CancelledError, GatewayError)):
        await task
    await holder
    await node.settle()

    assert node.admission.inflight == 1


async def test_the_supervisor_is_gone() -> None:
    """Whoever waits, waited or comes later is told to ask again."""
    node = Node()
    waiting, cancelled = await node.begin(), await node.begin()
    cancelled.cancel()
    node.rpc.on_close()

    for task in (waiting, await node.begin()):
        with pytest.raises(Draining):
            await task
    await asyncio.gather(cancelled, return_exceptions=True)


async def test_what_a_dead_worker_had_is_returned() -> None:
    """Slots, waiting calls and open requests."""
    node = Node()
    holder, waiter = await node.begin(), await node.begin()
    limited = asyncio.create_task(node.limiter.acquire(WHO))
    await asyncio.sleep(0)
    node.to_supervisor()
    await asyncio.sleep(0)
    node.broker.close()
    for _ in range(3):
        await asyncio.sleep(0)

    assert (node.admission.inflight, node.admission.waiting) == (0, 0)
    for task in (holder, waiter, limited):
        task.cancel()
    await asyncio.gather(holder, waiter, limited, return_exceptions=True)
