"""Sending a stream: nothing before the first event is known, everything in band after it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from gateway.engine.client import EngineResponse
from gateway.errors import ClientGone, Draining, EngineCut, GatewayError
from gateway.http import sse
from gateway.http.exchange import AI_GENERATED, Exchange
from gateway.logs import fault
from gateway.metrics import Metrics

STOPPING = "The gateway is stopping; send the request again."
EVENT_STREAM = (
    (b"content-type", sse.MEDIA_TYPE),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would gather the tokens
    AI_GENERATED,
)


class Relay(Protocol):
    """Turns the engine's events into the caller's, one for one or none."""

    usage: dict[str, Any] | None
    ended: bool

    def relay(self, event: bytes) -> bytes: ...
    def render(self, error: GatewayError) -> bytes: ...


async def relay_events(
    exchange: Exchange, metrics: Metrics, response: EngineResponse, relay: Relay
) -> None:
    """Send every event as soon as it is whole; raises only before the first byte."""
    sender = Sender(exchange, metrics, response, relay)
    async with in_band(exchange, relay.render):
        await response.forward(sender.take)
        if not relay.ended:
            raise EngineCut("The engine's answer stopped before its end.")
        await exchange.finish()


class Sender:
    """What takes the engine's bytes and sends the caller's."""

    __slots__ = ("_buffer", "_exchange", "_metrics", "_relay", "_response")

    def __init__(
        self, exchange: Exchange, metrics: Metrics, response: EngineResponse, relay: Relay
    ) -> None:
        self._buffer = sse.EventBuffer()
        self._exchange = exchange
        self._metrics = metrics
        self._response = response
        self._relay = relay

    def take(self, data: bytes) -> Awaitable[None] | None:
        """Send every event that is whole now; what to wait for, if anything. A failure comes up
        there, after the events before it have been sent."""
        events: list[bytes] = []
        try:
            for event in self._buffer.feed(data):
                events.append(self._relay.relay(event))
                if not event.startswith(b":"):  # a comment is no token
                    self._response.mark_progress()
        except Exception as problem:  # kept for the one who waits: nobody else would hear of it
            return self._fail(b"".join(events), problem)
        ready = events[0] if len(events) == 1 else b"".join(events)
        if not ready:
            return None
        return self._exchange.write_now(ready) if self._exchange.status else self._begin(ready)

    async def _begin(self, ready: bytes) -> None:
        """Send the head with the first event."""
        if not self._exchange.status:
            self._metrics.first_token(self._exchange)
            await self._exchange.start(200, EVENT_STREAM)
        await self._exchange.write(ready)

    async def _fail(self, ready: bytes, problem: Exception) -> None:
        if ready:
            await self._begin(ready)
        raise problem


@asynccontextmanager
async def in_band(
    exchange: Exchange, render: Callable[[GatewayError], bytes]
) -> AsyncIterator[None]:
    """After the first byte a failure is the stream's own last words, then a normal end."""
    try:
        yield
    except asyncio.CancelledError:  # the drain ran out; a caller who left hears nothing anyway
        await last_words(exchange, render, Draining(STOPPING))
        raise
    except ClientGone:
        raise
    except Exception as problem:  # a fault of ours must not end a stream like a whole answer
        if not exchange.status:
            raise
        error = problem if isinstance(problem, GatewayError) else fault(exchange.request_id)
        await last_words(exchange, render, error)


async def last_words(
    exchange: Exchange, render: Callable[[GatewayError], bytes], error: GatewayError
) -> None:
    """Say an error in a stream that has begun and not ended."""
    if exchange.status and not exchange.complete:
        exchange.outcome = error.code
        await exchange.finish(render(error))
