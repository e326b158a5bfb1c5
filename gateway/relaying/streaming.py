"""Sending a stream: nothing before the first event is known, everything in band after it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from gateway.engine.client import EngineResponse
from gateway.errors import ClientGone, Draining, EngineCut, GatewayError
from gateway.logs import fault
from gateway.metrics import Metrics
from gateway.wire import sse
from gateway.wire.exchange import AI_GENERATED, Exchange

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
    buffer = sse.EventBuffer()
    async with in_band(exchange, relay.render):
        while data := await response.read():
            for event in buffer.feed(data):
                await send_event(exchange, metrics, relay.relay(event))
                if not event.startswith(b":"):  # a comment is no token
                    response.progress()
        if not relay.ended:
            raise EngineCut("The engine's answer stopped before its end.")
        await exchange.finish()


async def send_event(exchange: Exchange, metrics: Metrics, event: bytes) -> None:
    """Send one event, the head first when it is the first; nothing when it is empty."""
    if not event:
        return
    if not exchange.status:
        metrics.first_token(exchange)
        await exchange.start(200, EVENT_STREAM)
    await exchange.write(event)


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
