"""A stream between an engine and a caller without sockets: test data in, bytes out."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

from gateway.engine.client import EngineClient, EngineResponse
from gateway.engine.connection import Connection
from gateway.errors import GatewayError
from gateway.http import sse
from gateway.http.exchange import Exchange
from gateway.limits.memory_budget import MemoryBudget, MemoryLease
from gateway.pipeline import Opened
from gateway.proxy.chunks import ChunkRelay
from gateway.proxy.handler import RelayedStream
from gateway.runtime.heavy_work import HeavyWork
from gateway.server.http_protocol import ResponseCycle

KEY = b"k" * 32
UNREAD: Any = None  # the request, which no stream looks at
FIRST: dict[str, Any] = {"disclaimer": {}, "provenance": {}, "notices": []}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TURNS = 8  # of the loop after each read: more than the way of an event takes


def event(text: str, **more: object) -> bytes:
    """A chunk as vLLM writes it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None, **more}
    return sse.encode({"id": "x", "choices": [choice]})


def named(kind: str, **more: object) -> bytes:
    """An event of the Responses or the Messages API, named by its type."""
    return sse.named(kind, {"type": kind, **more})


def content(raw: bytes) -> Any:
    """The JSON of an event."""
    return json.loads(sse.payload(raw))


class Socket(asyncio.Transport):
    """A transport that records what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_full = False
        self.overfilled = 0  # writes that should have waited

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))
        self.overfilled += self.is_full

    def is_closing(self) -> bool:
        return False

    def ignore(self) -> None:
        """Do nothing: no socket is open, and the test decides when to read."""

    abort = close = pause_reading = resume_reading = ignore


@dataclass
class Relayed:
    """Everything that anybody can observe of a relayed stream."""

    written: list[bytes] = field(default_factory=list)  # to the caller's socket, behind the head
    passed: int = 0  # HTTP chunks that were not parsed
    finals: list[Any] = field(default_factory=list)
    pieces: int = 0
    overfilled: int = 0
    failure: str = ""

    @property
    def body(self) -> bytes:
        """The caller's body without HTTP chunking."""
        wire, parts = b"".join(self.written), []
        while wire:
            size, _, rest = wire.partition(b"\r\n")
            parts.append(rest[: int(size, 16)])
            assert rest[int(size, 16) :].startswith(b"\r\n")
            wire = rest[int(size, 16) + 2 :]
        return b"".join(parts)

    def seen(self) -> tuple[object, ...]:
        """Return everything that must not depend on the path of the chunks."""
        counts = (self.pieces, self.overfilled)
        return self.body, self.finals, counts, self.failure


class RelayingExchange(Exchange):
    """An exchange that does not count chunks which are parsed and framed again."""

    outcome: Relayed

    def write_now(self, data: bytes) -> Awaitable[None] | None:
        passed = self.outcome.passed
        waiting = super().write_now(data)
        self.outcome.passed = passed
        return waiting


class Line:
    """A connection of an engine, one of a caller, and the stream between them."""

    def __init__(self, *, short: bool) -> None:
        """`short` enables the fast path for whole chunks."""
        self.outcome = Relayed()
        self._short = short
        self._caller = Socket()
        self._cycle = cycle_on(self._caller)
        self._exchange = exchange_on(self._cycle)
        self._exchange.outcome = self.outcome
        self._exchange.write_framed = self._write_framed
        self._relay = ChunkRelay(FIRST, took_usage=False)
        self._connection = Connection(asyncio.get_running_loop())

    def _write_framed(self, chunk: bytes) -> bool:
        is_written = self._short and self._cycle.write_framed(chunk)
        self.outcome.passed += is_written
        return is_written

    async def begin(self) -> None:
        """Send the request and receive the head."""
        connection = self._connection
        connection.connection_made(Socket())
        asking = asyncio.create_task(connection.send(b"", idle_s=None, until=None))
        await asyncio.sleep(0)
        connection.data_received(HEAD)
        await asking
        response = EngineResponse(EngineClient("http://x"), connection)
        memory = MemoryLease(MemoryBudget(2**30))
        opened = Opened(UNREAD, response, FIRST, self._exchange, memory)
        stream = RelayedStream(opened, self._relay, HeavyWork())
        self._sending = asyncio.create_task(stream.send())

    async def read(self, data: bytes, *, is_full: bool) -> None:
        """Deliver the engine's next bytes while the caller's socket is full or has room."""
        self._fill(is_full=is_full)
        if not self._connection.closed:
            self._connection.data_received(data)
        await turns()

    @property
    def pieces(self) -> int:
        """The tokens that were relayed so far."""
        return self._relay.pieces

    def _fill(self, *, is_full: bool) -> None:
        self._caller.is_full = is_full
        if is_full:
            self._cycle.flow.pause_writing()
        else:
            self._cycle.flow.resume_writing()

    async def end(self) -> Relayed:
        """Close the engine's connection and return the outcome."""
        outcome = self.outcome
        self._fill(is_full=False)
        await turns()
        if not self._sending.done():
            self._connection.connection_lost(None)
        try:
            await self._sending
        except GatewayError as error:
            outcome.failure = type(error).__name__
        outcome.written = self._caller.written[1:]
        if outcome.written:
            outcome.written[-1] = outcome.written[-1].removesuffix(b"0\r\n\r\n")
        outcome.finals, outcome.pieces = self._relay.finals, self._relay.pieces
        outcome.overfilled = self._caller.overfilled
        return outcome


async def relayed(
    reads: Sequence[bytes], *, short: bool, pauses: frozenset[int] = frozenset()
) -> Relayed:
    """Relay these reads of the engine's socket; during reads with numbers in `pauses` the caller's
    socket is full."""
    line = Line(short=short)
    await line.begin()
    for number, data in enumerate(reads):
        await line.read(data, is_full=number in pauses)
    return await line.end()


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def cycle_on(caller: Socket) -> ResponseCycle:
    """A response to a caller's POST."""
    scope: Any = {"type": "http", "method": "POST", "http_version": "1.1", "headers": []}
    return ResponseCycle(
        scope, caller, FlowControl(caller), logging.getLogger(), logging.getLogger(),
        access_log=False, default_headers=[], message_event=asyncio.Event(),
        expect_100_continue=False, keep_alive=True, on_response=lambda: None,
    )  # fmt: skip


def exchange_on(cycle: ResponseCycle) -> RelayingExchange:
    send: Any = cycle.send
    scope: Any = cycle.scope
    return RelayingExchange(scope, cycle.receive, send, request_id="1")  # type: ignore[arg-type] # uvicorn's types
