"""A worker's side of the quotas: its rate limiter and admission queue, kept by the supervisor."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from gateway.errors import Draining, GatewayError, InternalError, QueueTimeout, TooBusy
from gateway.limits.admission import Slot
from gateway.limits.rate_limiter import Release, unlimited
from gateway.principal import NO_LIMITS, Principal, Priority
from gateway.processes.json_line_channel import Message, Send
from gateway.runtime.futures import settle

REFUSALS: dict[str, type[GatewayError]] = {one.code: one for one in (TooBusy, QueueTimeout)}


class RpcClient:
    """Calls to the supervisor that wait for their reply."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self._numbers = count(1)
        self._pending: dict[int, asyncio.Future[None]] = {}
        self._is_connected = True

    async def call(self, command: str, *arguments: object, undo: Callable[[], None]) -> None:
        """Return when the call is granted; raises the GatewayError that it is refused with.

        When the caller is cancelled, `undo` is called for the grant that still arrives.
        """
        if not self._is_connected:
            raise supervisor_gone()
        number = next(self._numbers)
        reply = self._pending[number] = asyncio.get_running_loop().create_future()
        self.send(command, number, *arguments)
        try:
            await asyncio.shield(reply)
        except asyncio.CancelledError:
            if not reply.done():
                self.send("cancel_slot", number)
            reply.add_done_callback(partial(undo_grant, undo))
            raise

    def on_reply(self, number: int, *refusal: Any) -> None:
        """Settle the call that a reply belongs to."""
        settle(self._pending.pop(number), refused(*refusal) if refusal else None)

    def on_close(self) -> None:
        """Refuse every pending call: the supervisor is gone."""
        self._is_connected = False
        for reply in self._pending.values():
            settle(reply, supervisor_gone())
        self._pending.clear()


def undo_grant(undo: Callable[[], None], reply: asyncio.Future[None]) -> None:
    if reply.exception() is None:
        undo()


def supervisor_gone() -> Draining:
    return Draining("This gateway is stopping; send the request again.", retry_after_s=1)


def refused(code: str, message: str, retry_after_s: int | None) -> GatewayError:
    """Return the error that a reply tells of; the generic one for a code unknown to this worker."""
    kind = REFUSALS.get(code)
    if kind is None:
        return InternalError("The gateway failed; this was logged.")
    return kind(message, retry_after_s=retry_after_s)


class RemoteRateLimiter:
    """Rate limits counted by the supervisor, for all workers."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def acquire(self, principal: Principal) -> Release:
        """Count a request in; raises TooBusy. A principal without limits is not counted."""
        if principal.limits == NO_LIMITS:
            return unlimited
        fields = fields_of(principal)
        await self._rpc.call("acquire_rate", *fields, undo=partial(self._release, fields, tokens=0))
        return partial(self._release, fields)

    def _release(self, fields: Message, *, tokens: int) -> None:
        self._rpc.send("release_rate", tokens, *fields)


def fields_of(principal: Principal) -> Message:
    """Return what `quota_broker.principal_of` reads."""
    limits = principal.limits
    return [
        principal.name,
        principal.kind,
        limits.concurrency,
        limits.requests_per_minute,
        limits.tokens_per_minute,
    ]


class RemoteAdmissionQueue:
    """The node's slots and queue, kept by the supervisor; its counts are those last reported."""

    def __init__(self, rpc: RpcClient, *, max_inflight: int, max_queue: int) -> None:
        self.max_inflight = max_inflight
        self.max_queue = max_queue
        self.inflight = 0
        self.waiting = 0
        self._rpc = rpc

    def slot(self, priority: Priority) -> Slot:
        """Return a context manager that holds a slot."""
        return Slot(self, priority)

    async def acquire(self, priority: Priority) -> None:
        """Take a slot; raises TooBusy or QueueTimeout."""
        await self._rpc.call("acquire_slot", priority, undo=self.release)

    def release(self) -> None:
        """Give a slot back."""
        self._rpc.send("release_slot")
