"""One HTTP exchange: the request's body, the response, and a caller who may leave."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType

from starlette.types import Message, Receive, Scope, Send

from gateway.errors import BodyTooLarge, ClientGone, GatewayError
from gateway.principal import ANYBODY, Principal
from gateway.record import RequestRecord

RawHeaders = Sequence[tuple[bytes, bytes]]  # as ASGI has them: lower-case names, in order
RenderError = Callable[[GatewayError], bytes]
# Has the server call back once the caller is gone; None: no more.
OnDisconnect = Callable[[Callable[[], None] | None], object]

AI_GENERATED = (b"x-mmhie-ai-generated", b"true")
# A body over this is sent in parts: the socket's buffer would keep a copy of what is not sent yet.
LARGE_BYTES = 256 * 1024
NO_STORE = (b"cache-control", b"no-store")  # an answer is about a patient: no cache keeps it


class Exchange:
    """The connection's side of one request; what is known of the request is in its record."""

    __slots__ = (
        "_common",
        "_on_disconnect",
        "_receive",
        "_send",
        "complete",
        "error_body",
        "last_words",
        "record",
        "scope",
        "write_framed",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        request_id: str,
        common: RawHeaders = (),
        error_body: RenderError = GatewayError.body,
    ) -> None:
        """`common` are the headers of every response; `error_body` renders an error as a response,
        in the shape of the API that the path belongs to."""
        self.scope = scope
        self.complete = False
        self.error_body = error_body
        self.last_words: RenderError | None = None  # of the stream that has begun
        self._receive = receive
        self._send = send
        # Writes an HTTP chunk that has its framing; False where `write` has to. This and the next
        # are the server's own, and taken out of the scope, which would refer to itself with them.
        self.write_framed: Callable[[bytes], bool] = scope.pop("write_framed", never)
        self._on_disconnect: OnDisconnect = scope.pop("on_disconnect", never)
        self._common = common
        address = scope.get("client")
        self.record = RequestRecord(
            request_id,
            scope.get("method", ""),
            address[0] if address else None,
            content_length(self.header(b"content-length")),
        )

    def header(self, name: bytes) -> bytes:
        """Return the first value of a request header; empty when it is absent."""
        return value_of(self.scope["headers"], name)

    def check(self) -> None:
        """Raise what the connection has found wrong with this request, if it has."""
        if "refusal" in self.scope:
            raise self.scope["refusal"]  # by no name: its frames would hold it for the collector

    def traceparent(self) -> str:
        """Begin the engine's span; the W3C header for it, empty where nothing is traced."""
        return self.record.trace.to_engine() if self.record.trace is not None else ""

    async def body(self, *, max_bytes: int, seen: Callable[[int], object] | None = None) -> bytes:
        """Return the whole request body; raises BodyTooLarge, what the connection found wrong with
        it (BodyTimeout, InvalidRequest), or ClientGone when the caller left. `seen` is called with
        the bytes so far."""
        if self.record.declared_bytes > max_bytes:
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
            if seen is not None:
                seen(size)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def watched(self, running: "set[CancelOnDisconnect]") -> "CancelOnDisconnect":
        """A block of work, one of those `running`, that ends the moment the caller hangs up."""
        caller = self.record.principal
        return CancelOnDisconnect(self._on_disconnect, lambda: self.complete, running, caller)

    async def send(self, message: Message) -> None:
        """The ASGI send of this exchange, for the framework."""
        if message["type"] == "http.response.start":
            await self.start(message["status"], message.get("headers", ()))
            return
        if not message.get("more_body", False):
            self.complete = True
        self.record.sent_bytes += len(message.get("body", b""))
        await self._send(message)

    async def start(
        self, status: int, headers: RawHeaders, *, last_words: RenderError | None = None
    ) -> None:
        """Send the status line, these headers, and those that every response carries.

        `last_words` renders an error as the end of the stream that begins; without it, nothing can
        be said any more. It holds no exchange: a cycle would wait for the collector.
        """
        self.last_words = last_words
        await self._send(self._head(status, headers))

    def _head(self, status: int, headers: RawHeaders) -> Message:
        self.record.status = status
        everything = [*headers, *self._common]
        if self.record.notices:
            ids = ", ".join(notice["id"] for notice in self.record.notices)
            everything.append((b"x-mmhie-notices", ids.encode()))
        return {"type": "http.response.start", "status": status, "headers": everything}

    def first_token(self) -> None:
        """Note the time to the first token; later calls change nothing."""
        if self.record.ttft_ms is None:
            self.record.ttft_ms = self.record.elapsed_ms()

    async def write(self, data: bytes) -> None:
        """Send part of the body; returns when the caller's socket has room again."""
        self.record.sent_bytes += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def write_now(self, data: bytes) -> Awaitable[None] | None:
        """Send part of the body without waiting; what to wait for where that cannot be."""
        if not self.write_framed(b"%x\r\n%b\r\n" % (len(data), data)):
            return self.write(data)
        self.record.sent_bytes += len(data)
        return None

    async def finish(self, data: bytes = b"") -> None:
        """Send the end of the body."""
        self.complete = True
        self.record.sent_bytes += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def respond(self, status: int, body: bytes, *, headers: RawHeaders = ()) -> None:
        """Send a whole response, of JSON; of a large one, return when the caller has nearly all of
        it."""
        length = str(len(body)).encode()
        framing = ((b"content-type", b"application/json"), (b"content-length", length))
        head = self._head(status, (*framing, *headers))
        self.complete = True  # nothing ends it any more: it is sent as one
        self.record.sent_bytes = len(body)
        await self._send(head)
        for start in range(0, len(body) - LARGE_BYTES, LARGE_BYTES):
            await self.write(body[start : start + LARGE_BYTES])
        last = body[len(body) - (len(body) % LARGE_BYTES or LARGE_BYTES) :] if body else b""
        await self._send({"type": "http.response.body", "body": last, "more_body": False})

    def failed(self, outcome: str) -> None:
        """Note what went wrong: an error's code, or that the caller has left."""
        self.record.outcome = outcome

    async def refuse(self, error: GatewayError) -> None:
        """End the exchange with an error.

        Before the first byte it is the response; in a stream, its last words. Where nothing can be
        said any more, the server cuts the connection of a response left unfinished.
        """
        self.failed(error.code)
        error.notices = self.record.notices
        if not self.record.status:
            extra = [(name.encode(), value.encode()) for name, value in error.headers().items()]
            await self.respond(error.status, self.error_body(error), headers=extra)
        elif self.last_words is not None and not self.complete:
            await self.finish(self.last_words(error))


class CancelOnDisconnect:
    """Work that is cancelled, as ClientGone, the moment the caller hangs up, or is interrupted.

    Nobody reads `receive()` while a handler awaits the engine: without this a disconnect would be
    noticed only when the answer is written.
    """

    __slots__ = ("_is_complete", "_on_disconnect", "_reason", "_running", "_worker", "principal")

    def __init__(
        self,
        on_disconnect: OnDisconnect,
        is_complete: Callable[[], bool],
        running: "set[CancelOnDisconnect]",
        principal: Principal = ANYBODY,
    ) -> None:
        self.principal = principal
        self._on_disconnect = on_disconnect
        self._is_complete = is_complete
        self._reason: Callable[[], BaseException] | None = None
        self._running = running

    def interrupt(self, reason: Callable[[], BaseException] = ClientGone) -> None:
        """End the work with an error, unless it ends already or its answer is complete."""
        if self._reason is None and not self._is_complete():
            self._reason = reason
            self._worker.cancel()

    def __enter__(self) -> None:
        self._worker: asyncio.Task[object] = asyncio.current_task()  # type: ignore[assignment] # in a task
        self._running.add(self)
        self._on_disconnect(self.interrupt)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.discard(self)
        self._on_disconnect(None)  # or the two would refer to each other until the collector runs
        reason = self._reason
        if kind is asyncio.CancelledError and reason and self._worker.uncancel() <= 0:
            raise reason() from None  # nobody else wants it to stop


def never(_: object) -> bool:
    """Stand in for what only our own server does."""
    return False


def values_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Return every value of a header, in order."""
    return [value for key, value in headers if key == name]


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """Return the first value of a header, as Starlette does; empty when it is absent."""
    for key, value in headers:
        if key == name:
            return value
    return b""


def content_length(header: bytes) -> int:
    """Read a Content-Length; 0 for one that is missing or is not a number."""
    return int(header) if header.isdigit() else 0


def too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The request body is over {max_bytes} bytes (MMHIE_MAX_BODY_BYTES); send less."
    )
