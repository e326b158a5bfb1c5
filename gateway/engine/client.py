"""The client of the engine: a pool of connections with `open`, `fetch` and `aclose`."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.engine import errors
from gateway.engine.connection import (
    PIECE_BYTES,
    ChunkPass,
    Connection,
    ConnectionDiedError,
    Sink,
    timed_out,
)
from gateway.engine.tls import explain_handshake, explain_hang_up
from gateway.errors import EngineGarbled, EngineUnavailable
from gateway.http.client_tls import ClientTls
from gateway.http.exchange import LARGE_BYTES
from gateway.runtime.log import log

CONNECT_TIMEOUT_S = 5.0
# vLLM closes an idle connection after 5 s (VLLM_HTTP_TIMEOUT_KEEP_ALIVE). Closing it earlier avoids
# a race between its close and our next request.
KEEP_ALIVE_S = 4.0
LINGER_S = 0.05
# 30 ms to parse token ids; the text of 131,072 tokens has at most 1 MiB.
LARGEST_BYTES = 4 * 1024 * 1024


class EngineRequest(NamedTuple):
    """One request to the engine.

    One of two timeouts applies: `total_s` limits the whole answer, `idle_s` the time between two
    signs of progress. A router may send all requests of a `session` to the same engine.
    """

    method: str
    path: str
    body: bytes = b""
    request_id: str = ""
    session: str = ""
    traceparent: str = ""
    idle_s: float | None = None
    total_s: float | None = None
    is_at_root: bool = False  # not below the path of the engine's address


class EngineResponse:
    """A response with a known status; its body may still be arriving. Always close it."""

    __slots__ = ("_client", "_closed", "_connection", "_expects_end", "headers", "status")

    def __init__(self, client: "EngineClient", connection: Connection) -> None:
        self._client = client
        self._closed = False
        self._connection = connection
        self._expects_end = False
        self.status = connection.status
        self.headers = connection.headers

    async def read(self, most: int = PIECE_BYTES) -> bytes:
        """Return the next part of the body, at most `most` bytes; b"" at its end or once closed."""
        return b"" if self._closed else await self._connection.read(most)

    def mark_progress(self) -> None:
        """Restart the idle timeout: something useful has arrived."""
        self._connection.mark_progress()

    def expect_end(self) -> None:
        """Note that the rest of the body is only its end, without data."""
        self._expects_end = True

    def pass_chunks(self, take: ChunkPass | None) -> None:
        """Offer HTTP chunks to `take` before they are parsed; see `Connection.pass_chunks`."""
        self._connection.pass_chunks(take)

    async def forward(self, sink: Sink) -> None:
        """Pass each part of the body to `sink` as it arrives, until its end."""
        if not self._closed:
            await self._connection.forward(sink)

    async def read_all(self, seen: Callable[[int], object] = id) -> bytes:
        """Return the whole body; raise EngineGarbled if it exceeds `LARGEST_BYTES`. `seen` is
        called with the number of bytes so far."""
        parts, size = [], 0
        while part := await self.read(LARGE_BYTES):
            size += len(part)
            if size > LARGEST_BYTES:
                raise EngineGarbled(
                    f"The engine's answer exceeded {LARGEST_BYTES // 2**20} MiB; ask for fewer log "
                    "probabilities, or stream."
                )
            seen(size)
            parts.append(part)
        return b"".join(parts)

    async def read_start(self, size: int) -> bytes:
        """Return the first `size` bytes of the body, or all of a shorter one."""
        parts: list[bytes] = []
        while size > 0 and (part := await self.read(size)):
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Return the connection to the pool; abort it, and the engine's work, if unfinished."""
        if not self._closed:  # else the connection would be in the pool twice
            self._closed = True
            if self._expects_end and not self._connection.complete:  # reusable in a moment
                self._connection.loop.call_later(LINGER_S, self._client.release, self._connection)
            else:
                self._client.release(self._connection)


class EngineClient:
    """A pool of connections to one upstream; the most recently used is taken first."""

    def __init__(self, url: str, *, key: str | None = None, tls: ClientTls | None = None) -> None:
        """`tls` is required for https."""
        parts = urlsplit(url)
        self._url = url
        self._distrust = ""
        self.tls = tls if parts.scheme == "https" else None
        self.path = parts.path if parts.scheme == "unix" else None
        self.prefix = "" if parts.scheme == "unix" else parts.path.rstrip("/")
        self.host = parts.hostname or "localhost"
        self.port = parts.port or (80 if self.tls is None else 443)
        self._idle: deque[Connection] = deque()
        authorization = f"authorization: Bearer {key}\r\n" if key else ""
        host = parts.netloc or "localhost"
        self._fixed = f"host: {host}\r\n{authorization}".encode()

    async def open(self, request: EngineRequest) -> EngineResponse:
        """Send a request and wait for its status line.

        Raises EngineUnavailable (refused, not trusted, or closed twice before answering),
        EngineTimeout, EngineCut or EngineGarbled. A request without any byte of an answer is
        retried once, within the same total timeout.
        """
        if 0 in (request.idle_s, request.total_s):
            raise timed_out()
        now = asyncio.get_running_loop().time()
        until = None if request.total_s is None else now + request.total_s
        for idle in (self._take_idle(), None):
            connection = idle or await self._connect(until)
            is_answered = False
            try:
                await connection.send(self._encode(request), idle_s=request.idle_s, until=until)
                is_answered = True
                return EngineResponse(self, connection)
            except ConnectionDiedError:
                continue
            finally:
                if not is_answered:
                    connection.abort()
        if self.tls is not None:
            raise explain_hang_up()
        raise EngineUnavailable(
            "The engine closed the connection without an answer; try again.", retry_after_s=1
        )

    async def fetch(self, request: EngineRequest) -> tuple[int, bytes]:
        """Return the status and the whole body of a small request, of an error the beginning;
        raise the errors of `open`."""
        response = await self.open(request)
        try:
            if response.status >= 400:
                return response.status, await response.read_start(errors.MOST_BYTES)
            return response.status, await response.read_all()
        finally:
            response.close()

    def _encode(self, request: EngineRequest) -> bytes:
        prefix = "" if request.is_at_root else self.prefix
        head = f"{request.method} {prefix}{request.path} HTTP/1.1\r\n"
        if request.request_id:
            head += f"x-request-id: {request.request_id}\r\n"
        if request.session:
            head += f"x-session-id: {request.session}\r\n"
        if request.traceparent:
            head += f"traceparent: {request.traceparent}\r\n"
        if request.body:
            head += f"content-type: application/json\r\ncontent-length: {len(request.body)}\r\n"
        return b"".join((head.encode("latin-1"), self._fixed, b"\r\n", request.body))

    def _take_idle(self) -> Connection | None:
        self._drop_stale()
        context = self._context()
        while self._idle:
            connection = self._idle.pop()
            if connection.closed:
                continue
            if connection.context is context:
                return connection
            connection.abort()  # the trust settings have changed
        return None

    def _context(self) -> ssl.SSLContext | None:
        return None if self.tls is None else self.tls.context()

    def _drop_stale(self) -> None:
        """Close connections that were idle for too long; the oldest is at the front."""
        oldest = asyncio.get_running_loop().time() - KEEP_ALIVE_S
        while self._idle and self._idle[0].idle_since <= oldest:
            self._idle.popleft().abort()

    async def _connect(self, until: float | None) -> Connection:
        loop = asyncio.get_running_loop()
        limit = loop.time() + CONNECT_TIMEOUT_S
        try:
            async with asyncio.timeout_at(limit if until is None else min(limit, until)):
                return await self._dial(loop)
        except ssl.SSLError as error:
            raise explain_handshake(error) from None
        except (OSError, TimeoutError) as error:
            is_hang_up = isinstance(error, ConnectionResetError | ConnectionAbortedError)
            if is_hang_up and self.tls is not None:  # a refusal in TLS 1.2
                raise explain_hang_up() from None
            raise EngineUnavailable(
                "The engine cannot be reached; it may be starting: try again.", retry_after_s=2
            ) from None

    async def _dial(self, loop: asyncio.AbstractEventLoop) -> Connection:
        context = self._context()
        protocol = partial(Connection, loop, context)
        if self.path is not None:
            return (await loop.create_unix_connection(protocol, self.path))[1]
        return (await loop.create_connection(protocol, self.host, self.port, ssl=context))[1]

    def release(self, connection: Connection) -> None:
        """Return a reusable connection to the pool; close any other."""
        if connection.reusable:
            connection.idle_since = connection.loop.time()
            self._idle.append(connection)
        else:
            connection.abort()

    def note_trust(self, distrust: str = "") -> None:
        """Note why this engine gives no metrics, or that it gives them; log a reason once."""
        if distrust and distrust != self._distrust:
            log.warning("no metrics of %s: %s", self._url, distrust)
        self._distrust = distrust

    def warnings(self) -> list[str]:
        distrust = [f"No metrics of {self._url}: {self._distrust}"] if self._distrust else []
        return [*distrust, *(self.tls.warnings() if self.tls else [])]

    async def aclose(self) -> None:
        """Close every idle connection."""
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
