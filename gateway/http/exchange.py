"""One HTTP exchange: reading the request, sending the response, and a caller who may hang up."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from starlette.types import Message, Receive, Scope, Send

from gateway.errors import BodyTooLarge, ClientGone, GatewayError
from gateway.record import RequestRecord

RawHeaders = Sequence[tuple[bytes, bytes]]  # as ASGI has them: lower-case names, in order
RenderError = Callable[[GatewayError], bytes]
# Registers a callback for when the caller hangs up; None removes it.
OnDisconnect = Callable[[Callable[[], None] | None], object]

AI_GENERATED = (b"x-mmhie-ai-generated", b"true")
# A larger body is sent in parts, since the socket's buffer would hold a second copy of it.
LARGE_BYTES = 256 * 1024
NO_STORE = (b"cache-control", b"no-store")  # an answer is about a patient


class Exchange:
    """A request and its response on the connection. Facts about the request are in `record`."""

    __slots__ = (
        "_common",
        "_on_disconnect",
        "_reason",
        "_receive",
        "_send",
        "_worker",
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
        """`common` are headers of every response. `error_body` renders an error in the format of
        the path's API."""
        self.scope = scope
        self.complete = False
        self.error_body = error_body
        self.last_words: RenderError | None = (
            None  # renders an error inside the stream that has begun
        )
        self._receive = receive
        self._send = send
        # Two functions of our server. They are removed from the scope to break a reference cycle.
        # `write_framed` writes a chunk, or returns False if `write` must be used.
        self.write_framed: Callable[[bytes], bool] = scope.pop("write_framed", never)
        self._on_disconnect: OnDisconnect = scope.pop("on_disconnect", never)
        self._common = common
        self._worker: asyncio.Task[object] | None = None
        self._reason: Callable[[], BaseException] | None = None  # of the worker's cancellation
        address = scope.get("client")
        self.record = RequestRecord(
            request_id,
            scope.get("method", ""),
            address[0] if address else None,
            content_length(self.header(b"content-length")),
        )

    def header(self, name: bytes) -> bytes:
        """Return the first value of a request header; empty if it is absent."""
        return value_of(self.scope["headers"], name)

    def check(self) -> None:
        """Raise the error that the server has found in this request, if any."""
        if "refusal" in self.scope:
            raise self.scope["refusal"]  # not in a variable: a frame that refers to it would leak

    async def body(self, *, max_bytes: int, seen: Callable[[int], object] | None = None) -> bytes:
        """Return the whole request body. `seen` is called with the number of bytes so far.

        Raises BodyTooLarge, ClientGone if the caller hangs up, or an error that the server found
        (BodyTimeout, InvalidRequest).
        """
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

    @contextlib.contextmanager
    def watched(self, running: "set[Exchange]") -> Iterator[None]:
        """Add this exchange to `running`, and cancel the work if the caller hangs up.

        While a handler awaits the engine, nothing reads `receive()`. Without this, a disconnect
        would be noticed only when the answer is written.
        """
        self._worker = asyncio.current_task()
        running.add(self)
        self._on_disconnect(self.interrupt)
        try:
            yield
        except asyncio.CancelledError:
            if self._reason and self._worker and self._worker.uncancel() <= 0:
                raise self._reason() from None  # no other cancellation is pending
            raise
        finally:
            running.discard(self)
            self._on_disconnect(None)  # breaks a reference cycle
            self._worker = None

    def interrupt(self, reason: Callable[[], BaseException] = ClientGone) -> None:
        """Cancel the watched work, so that it raises `reason`, unless its answer is complete."""
        if self._reason is None and self._worker is not None and not self.complete:
            self._reason = reason
            self._worker.cancel()

    async def send(self, message: Message) -> None:
        """Send an ASGI message, for the framework."""
        if message["type"] == "http.response.start":
            await self.start(message["status"], message.get("headers", ()))
            return
        if not message.get("more_body", False):
            self.complete = True
        await self._send(message)

    async def start(
        self, status: int, headers: RawHeaders, *, last_words: RenderError | None = None
    ) -> None:
        """Send the status line and headers.

        `last_words` renders an error as the end of a stream; without it, an error cuts the
        connection. It must not refer to the exchange, or a reference cycle would leak.
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
        """Record the time to the first token; later calls have no effect."""
        if self.record.ttft_ms is None:
            self.record.ttft_ms = self.record.elapsed_ms()

    async def write(self, data: bytes) -> None:
        """Send part of the body; waits while the socket's buffer is full."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def write_now(self, data: bytes) -> Awaitable[None] | None:
        """Send part of the body; return an awaitable if the socket's buffer is full, else None."""
        if not self.write_framed(b"%x\r\n%b\r\n" % (len(data), data)):
            return self.write(data)
        return None

    async def finish(self, data: bytes = b"") -> None:
        self.complete = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def respond(self, status: int, body: bytes, *, headers: RawHeaders = ()) -> None:
        """Send a whole JSON response; a large one in parts, as the caller reads them."""
        length = str(len(body)).encode()
        framing = ((b"content-type", b"application/json"), (b"content-length", length))
        head = self._head(status, (*framing, *headers))
        self.complete = True  # from here on a disconnect changes nothing
        await self._send(head)
        for start in range(0, len(body) - LARGE_BYTES, LARGE_BYTES):
            await self.write(body[start : start + LARGE_BYTES])
        last = body[len(body) - (len(body) % LARGE_BYTES or LARGE_BYTES) :] if body else b""
        await self._send({"type": "http.response.body", "body": last, "more_body": False})

    async def refuse(self, error: GatewayError) -> None:
        """End the exchange with an error.

        It becomes the response, or the last event of a stream that has begun. Otherwise the server
        cuts the connection, as the response is incomplete.
        """
        self.record.outcome = error.code
        if error.is_recorded:
            self.record.reason, self.record.param = error.message, error.param
        error.notices = self.record.notices
        if not self.record.status:
            extra = [(name.encode(), value.encode()) for name, value in error.headers().items()]
            await self.respond(error.status, self.error_body(error), headers=extra)
        elif self.last_words is not None and not self.complete:
            await self.finish(self.last_words(error))


def never(_: object) -> bool:
    """Stand in for a callback of our server, under another server or in tests."""
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
    """Parse a Content-Length; 0 if it is missing or not a number."""
    return int(header) if header.isdigit() else 0


def too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The request body is over {max_bytes} bytes (MMHIE_MAX_BODY_BYTES); send less."
    )
