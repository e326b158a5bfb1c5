"""One client connection: HTTP/1.1 by hand, so that any byte can be wrong on purpose."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http.client import responses


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    number: int

    @property
    def reused(self) -> bool:
        """Return whether the connection has served a request before this one."""
        return self.number > 1


LONGEST_HEAD = 2**20
KEEP_ALIVE_S = 5.0
Responder = Callable[["Connection", Request], Awaitable[None]]


class Connection(asyncio.StreamReaderProtocol):
    """Reads requests one by one and cancels the answer when the client goes away."""

    def __init__(self, respond: Responder) -> None:
        super().__init__(asyncio.StreamReader(limit=LONGEST_HEAD), self.serve)
        self.respond = respond
        self.task: asyncio.Task[None] | None = None
        self.served = 0

    def eof_received(self) -> bool:
        """A client that says no more is gone."""
        super().eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or we did: whatever is being said is said to no one."""
        super().connection_lost(exc)
        if self.task is not None:
            self.task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the connection ends or has been idle too long."""
        self.task, self.reader, self.writer = asyncio.current_task(), reader, writer
        gone = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(TimeoutError, *gone):
            while not writer.is_closing():
                async with asyncio.timeout(KEEP_ALIVE_S):
                    request = await self.next_request()
                await self.respond(self, request)
                if request.headers.get("connection", "").lower() == "close":
                    break
        self.close()

    async def next_request(self) -> Request:
        """The next whole request."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await self.body(headers)
        self.served += 1
        method, path, _ = first.split(" ", 2)
        return Request(method, path.partition("?")[0], headers, body, self.served)

    async def body(self, headers: Mapping[str, str]) -> bytes:
        """The request's body, by length or by chunks, of which trailers are ignored."""
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self.reader.readexactly(int(headers.get("content-length", "0")))
        whole = b""
        while size := int((await self.reader.readline()).split(b";")[0], 16):
            whole += (await self.reader.readexactly(size + 2))[:size]
        await self.reader.readline()
        return whole

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the client is behind."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, status: int, body: bytes, content_type: str = "application/json", **more: str
    ) -> None:
        """A whole response with a length."""
        await self.write(
            head(status, content_type, {"content-length": str(len(body)), **more}) + body
        )

    def close(self) -> None:
        """Close in order, after what is buffered has left."""
        self.writer.close()

    def reset(self) -> None:
        """Close with RST: the client sees 'connection reset by peer'."""
        sock: socket.socket | None = self.writer.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def head(status: int, content_type: str, headers: Mapping[str, str]) -> bytes:
    """A status line and headers in the order uvicorn sends them."""
    named = {
        "date": formatdate(usegmt=True),
        "server": "uvicorn",
        **headers,
        **({"content-type": content_type} if content_type else {}),
        "vary": "Origin",
    }
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Error')}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
