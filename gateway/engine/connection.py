"""An HTTP/1.1 connection to the engine: one request at a time, with back-pressure."""

import asyncio
import inspect
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

import httptools

from gateway.errors import EngineCut, EngineGarbled, EngineTimeout, GatewayError
from gateway.http.exchange import values_of

# With more unread bytes of a body than this, the socket is not read: a slow caller makes the engine
# wait instead of filling the gateway's memory.
HIGH_WATER_BYTES = 64 * 1024
LARGEST_HEAD_BYTES = 64 * 1024
MOST_HEADERS = 128
# Of a body, passed on at once: the events of fifty tokens take 1 ms, 3 ms with markers in each.
PIECE_BYTES = 8 * 1024
MOST_CHUNKS = 12_288  # in one read, which has room for 1,700 usual ones

# Takes a part of a body, never raises; may return an awaitable that delays the next part.
Sink = Callable[[bytes], Awaitable[None] | None]
# Takes a whole HTTP chunk with its framing; False if it has to be parsed.
ChunkPass = Callable[[bytes], bool]


class ConnectionDiedError(Exception):
    """The connection ended before any byte of a response: the request may be retried."""


class Connection(asyncio.Protocol):
    """A keep-alive connection; `send` begins an exchange, `read` returns its body."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None = None
    ) -> None:
        """`context` is for TLS; None for plain HTTP."""
        self.loop = loop
        self.context = context
        self.transport: asyncio.Transport = None  # type: ignore[assignment] # until connection_made
        self.closed = False
        self.idle_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._reset()
        self.complete = True

    def _reset(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._head_bytes = 0
        self._head_done = False
        self._keep_alive = False
        self._failure: Exception | None = None
        self._paused = False
        self._sink: Sink | None = None
        self._pass_chunk: ChunkPass | None = None
        self._is_between_chunks = False
        self._chunks_read = 0
        self._delay: Awaitable[None] | None = None
        self._yields = False  # the delay is for other requests, and not the sink's
        self._active_at = self.loop.time()
        self._parser = httptools.HttpResponseParser(self)

    # Callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # a socket's transport is both ways

    def data_received(self, data: bytes) -> None:
        if self._pass_chunk is not None and self._is_between_chunks and self._pass_chunk(data):
            self.mark_progress()
            return
        if self.complete:  # unexpected bytes: the connection cannot be trusted
            self.abort()
            return
        if not self._head_done:
            self._head_bytes += len(data)
        self._chunks_read = 0
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._keep_alive = False  # bytes after a complete response
            self.fail(EngineGarbled("The engine's response is not valid HTTP."))
        self._is_between_chunks &= data.endswith(b"\r\n")  # else the next chunk has begun
        if not self._head_done and self._head_bytes > LARGEST_HEAD_BYTES:
            self.fail(EngineGarbled("The engine's response headers are too large."))
        if self._sink is not None and self._chunks and self._delay is None:
            self._forward_buffered()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        del self._parser  # breaks a reference cycle
        if self.complete:
            return
        if not self._head_bytes:
            self.fail(ConnectionDiedError())
        elif exc is None and self._head_done and self._ends_with_connection():
            self._finish()
        elif exc is not None and not isinstance(exc, OSError):
            self.fail(exc)  # the sink raised, and the event loop closed the connection
        else:
            self.fail(EngineCut("The engine stopped before the end of its answer; try again."))

    def _ends_with_connection(self) -> bool:
        """Return whether the body ends with the connection (RFC 9112 section 6.3)."""
        framing = (b"content-length", b"transfer-encoding")
        return not any(values_of(self.headers, name) for name in framing)

    # Callbacks of httptools.

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("a second response in the same bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_done:  # trailers are not headers
            self.headers.append((name.lower(), value))
        if len(self.headers) > MOST_HEADERS:
            raise ValueError("too many headers")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # an interim response, such as 100 Continue
            self.headers.clear()
            return
        is_large = self._head_bytes > LARGEST_HEAD_BYTES and self._head_size() > LARGEST_HEAD_BYTES
        if status < 100 or is_large:
            raise ValueError("not a head")
        self.status = status
        self._head_done = True
        self._keep_alive = self._parser.should_keep_alive()
        self._wake()

    def _head_size(self) -> int:
        """Return the size of the head in bytes; one read may contain a giant head."""
        return sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_chunk_header(self) -> None:
        self._is_between_chunks = False
        self._chunks_read += 1
        if self._chunks_read > MOST_CHUNKS:
            raise ValueError("chunks of a few bytes")

    def on_chunk_complete(self) -> None:
        self._is_between_chunks = True

    def on_body(self, body: bytes) -> None:
        if not self._head_done:
            raise ValueError("an interim response has no body")
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > HIGH_WATER_BYTES and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        if self._sink is None:
            self._wake()

    def on_message_complete(self) -> None:
        if self._head_done:
            self._finish()

    # Methods of the engine client.

    async def send(self, request: bytes, *, idle_s: float | None, until: float | None) -> None:
        """Write a request and wait for the status; raise ConnectionDiedError, EngineTimeout,
        EngineCut or EngineGarbled. The deadline is `until`, on the loop's clock; without it,
        `idle_s` limits the time between two calls of `mark_progress`."""
        if self.closed:
            raise ConnectionDiedError
        self._reset()
        if until is not None:
            self._timer = self.loop.call_at(until, self._time_out)
        elif idle_s is not None:
            self._timer = self.loop.call_later(idle_s, self._check_idle, idle_s)
        self.transport.write(request)
        while not self._head_done:
            await self._wait()

    async def read(self, most: int = PIECE_BYTES) -> bytes:
        """Return the part of the body that has arrived, at most `most` bytes; b"" at its end."""
        if self._chunks:
            await asyncio.sleep(0)  # the rest of a large read: other requests go first
        while not self._chunks:
            if self.complete:
                return b""
            await self._wait()
        return self._take_buffered(most)

    def pass_chunks(self, take: ChunkPass | None) -> None:
        """Offer data that arrives between two chunks to `take` before it is parsed, until the next
        part goes to the sink. `take` may accept exactly one whole chunk."""
        self._pass_chunk = take

    async def forward(self, sink: Sink) -> None:
        """Call `sink` with every part of the body as soon as it arrives, until the end.

        This wakes no task for a part, which would double its cost. Raises the errors of `read`.
        """
        self._sink = sink
        try:
            while self._chunks or not self.complete:
                if self._delay is not None:
                    await self._delay
                    self._delay = None
                    if not self._yields:
                        self.mark_progress()  # the caller was slow, not the engine
                elif self._chunks:
                    self._forward_buffered()
                else:
                    await self._wait()
            if self._delay is not None:
                await self._delay
        finally:
            self._sink = self._pass_chunk = None
            self._drop_delay()

    def _drop_delay(self) -> None:
        """Close the sink's awaitable if it was never awaited."""
        if inspect.iscoroutine(self._delay):
            self._delay.close()
        self._delay = None

    def _forward_buffered(self) -> None:
        if self._sink is not None:
            self._delay = self._sink(self._take_buffered())
            self._yields = bool(self._chunks) and self._delay is None
            if self._yields:
                self._delay = asyncio.sleep(0)  # other requests go first
            if self._delay is not None:
                self._pass_chunk = None  # later chunks must not overtake this part
                self._wake()

    def _take_buffered(self, most: int = PIECE_BYTES) -> bytes:
        """Return at most `most` bytes that have arrived; resume reading if it was paused."""
        data = self._chunks.popleft()
        if self._chunks or len(data) > most:
            data = self._piece(data, most)
        self._buffered -= len(data)
        if self._paused and self._buffered <= HIGH_WATER_BYTES:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()
        return data

    def _piece(self, data: bytes, most: int) -> bytes:
        """Return the first `most` bytes of `data` and the chunks after it."""
        parts, size = [data], len(data)
        while self._chunks and size < most:
            parts.append(self._chunks.popleft())
            size += len(parts[-1])
        whole = b"".join(parts)
        if size > most:
            self._chunks.appendleft(whole[most:])
        return whole[:most]

    def mark_progress(self) -> None:
        """Restart the idle timeout: something useful has arrived.

        Bytes alone do not count: an engine could send them slowly for ever.
        """
        self._active_at = self.loop.time()

    @property
    def reusable(self) -> bool:
        """True while the next request may use this connection; not if reading is paused, since the
        rest of the last answer was not read."""
        is_whole = self.complete and not self._paused
        return is_whole and self._keep_alive and not self.closed and self._failure is None

    def abort(self) -> None:
        """Close at once: the engine notices and stops working on the request."""
        self._stop_timer()
        self._pass_chunk = None
        self.closed = True
        self.complete = True
        self.transport.abort()

    def fail(self, failure: Exception) -> None:
        """End the exchange with an error that `send` or `read` raises."""
        if self._failure is None and not self.complete:
            self._failure = failure
            self._pass_chunk = None
            self._stop_timer()
            if not self.closed:
                self.closed = True
                self.transport.abort()
            self._wake()

    def _finish(self) -> None:
        self.complete = True
        self._pass_chunk = None
        self._stop_timer()
        self._wake()

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._failure is not None and not self._chunks and self._delay is None:
            raise self._failure

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _time_out(self) -> None:
        self.fail(timed_out())

    def _check_idle(self, idle_s: float) -> None:
        """Fail or re-arm the one timer of the request. If nothing waits for the engine, the caller
        is slow."""
        quiet = 0.0 if self._waiter is None else self.loop.time() - self._active_at
        if quiet >= idle_s:
            self.fail(timed_out())
        else:
            self._timer = self.loop.call_later(idle_s - quiet, self._check_idle, idle_s)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def timed_out() -> GatewayError:
    return EngineTimeout("The engine did not answer in time (MMHIE_TIMEOUT_SECONDS); try again.")
