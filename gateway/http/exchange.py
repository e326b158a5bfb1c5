"""One HTTP exchange: what came in, what went out, and whether the caller is still there."""

import time
from collections.abc import Awaitable, Generator
from typing import Any, Protocol

from starlette.types import Message, Receive, Scope, Send

from gateway.errors import BodyTooLarge, ClientGone, GatewayError
from gateway.http.disconnect import CancelOnDisconnect
from gateway.http.headers import RawHeaders, value_of
from gateway.principal import ANYBODY, Principal

AI_GENERATED = (b"x-mmhie-ai-generated", b"true")
NO_STORE = (b"cache-control", b"no-store")  # an answer is about a patient: no cache keeps it


class Trace(Protocol):
    """The trace of one exchange: `to_engine` begins the engine's part and is its traceparent."""

    def to_engine(self) -> str: ...
    def end(self) -> None: ...


class Exchange:
    """What every layer may ask about, or do with, the one request it is serving."""

    __slots__ = (
        "_common",
        "_receive",
        "_send",
        "client",
        "complete",
        "facts",
        "outcome",
        "request_id",
        "scope",
        "slot",
        "started",
        "status",
        "trace",
    )

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, request_id: str, common: RawHeaders
    ) -> None:
        self.scope = scope
        self.request_id = request_id
        self.started = time.perf_counter()
        self.status = 0
        self.client: Principal = ANYBODY  # until the gate knows better
        self.complete = False
        self.slot = -1  # in the audit's register of open requests
        self.outcome = "ok"
        self.trace: Trace | None = None
        self.facts: dict[str, Any] = {}  # numbers for the log line, never text
        self._receive = receive
        self._send = send
        self._common = common

    def header(self, name: bytes) -> bytes:
        """Return the first value of a request header; empty when it is absent."""
        return value_of(self.scope["headers"], name)

    def check(self) -> None:
        """Raises what the connection has found wrong with this request, if it has."""
        if "refusal" in self.scope:
            raise self.scope["refusal"]  # by no name: its frames would hold it for the collector

    def traceparent(self) -> str:
        """The W3C header for the engine, whose work begins now; empty where nothing is traced."""
        return self.trace.to_engine() if self.trace is not None else ""

    def elapsed_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return round((time.perf_counter() - self.started) * 1000, 3)

    def tokens(self) -> int:
        """Tokens spent on this request, as far as the engine has told."""
        facts = self.facts
        return int(facts.get("prompt_tokens", 0)) + int(facts.get("completion_tokens", 0))

    async def body(self, *, max_bytes: int) -> bytes:
        """The whole request body; raises BodyTooLarge, what the connection found wrong with it
        (BodyTimeout, InvalidRequest), or ClientGone when the caller left."""
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > max_bytes:
            raise too_large(max_bytes)
        chunks, size, more = [], 0, True
        while more:
            message = await self._receive()
            self.check()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)
            if size > max_bytes:
                raise too_large(max_bytes)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def watched(self) -> CancelOnDisconnect:
        """A block of work that ends, as ClientGone, the moment the caller hangs up."""
        return CancelOnDisconnect(self._receive, lambda: self.complete)

    async def send(self, message: Message) -> None:
        """The ASGI send of this exchange, for those who are given no exchange."""
        if message["type"] == "http.response.start":
            await self.start(message["status"], message.get("headers", ()))
            return
        if not message.get("more_body", False):
            self.complete = True
        await self._send(message)

    async def start(self, status: int, headers: RawHeaders) -> None:
        """Send the status line, these headers, and those that every response carries."""
        await self._send(self._head(status, headers))

    def _head(self, status: int, headers: RawHeaders) -> Message:
        self.status = status
        everything = [*headers, *self._common]
        return {"type": "http.response.start", "status": status, "headers": everything}

    async def write(self, data: bytes) -> None:
        """Send part of the body; returns when the caller's socket has room again."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def write_now(self, data: bytes) -> Awaitable[None] | None:
        """Send part of the body without waiting; what to wait for where that cannot be.

        A server's `send` waits only while the caller's socket is full. It is run up to there.
        """
        sending: Any = self._send({"type": "http.response.body", "body": data, "more_body": True})
        try:
            awaited = sending.send(None)
        except StopIteration:
            return None
        return Rest(sending, awaited)

    async def finish(self, data: bytes = b"") -> None:
        """Send the end of the body."""
        self.complete = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def respond(
        self,
        status: int,
        body: bytes,
        *,
        headers: RawHeaders = (),
        media: bytes = b"application/json",
    ) -> None:
        """Send a whole response."""
        length = str(len(body)).encode()
        framing = ((b"content-type", media), (b"content-length", length))
        await self._send(self._head(status, (*framing, *headers)))
        self.complete = True
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(self, error: GatewayError) -> None:
        """Note an error; before the first byte it is the response, after it nothing can be said
        here, and a server cuts the connection of a response that its handler left unfinished."""
        self.outcome = error.code
        if not self.status:
            extra = [(name.encode(), value.encode()) for name, value in error.headers().items()]
            await self.respond(error.status, error.body(), headers=extra)


class Rest:
    """The rest of a coroutine that waits for something: awaiting this waits on, and ends it."""

    __slots__ = ("_awaited", "_coroutine")

    def __init__(self, coroutine: Any, awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._awaited
        yield from self._coroutine.__await__()


def too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The request body is over {max_bytes} bytes (MMHIE_MAX_BODY_BYTES); send less."
    )
