"""One client connection: HTTP/1.1 by hand, so that any byte can be wrong on purpose."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http.client import responses
from typing import cast


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


Responder = Callable[["Connection", Request], Awaitable[None]]


class Connection(asyncio.Protocol):
    """Reads requests one by one and cancels the answer when the client goes away."""

    def __init__(
        self, respond: Responder, *, keep_alive: float, on_close: Callable[[], None]
    ) -> None:
        self.respond = respond
        self.on_close = on_close
        self.keep_alive = keep_alive
        self.buffer = bytearray()
        self.arrived = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self.served = 0
        self.sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start serving."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self.task = asyncio.get_running_loop().create_task(self.serve())

    def data_received(self, data: bytes) -> None:
        """Keep what came until a request is whole."""
        self.buffer += data
        self.arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or we did: whatever is being said is said to no one."""
        self.on_close()
        self.task.cancel()

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.writable.set()

    async def serve(self) -> None:
        """Answer requests until the connection ends or has been idle too long."""
        try:
            while not self.transport.is_closing():
                async with asyncio.timeout(self.keep_alive):
                    request = await self.next_request()
                await self.respond(self, request)
                if request.headers.get("connection", "").lower() == "close":
                    self.close()
        except TimeoutError:
            self.close()

    async def next_request(self) -> Request:
        """The next whole request."""
        while b"\r\n\r\n" not in self.buffer:
            await self.more()
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer[:] = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await self.body(headers)
        self.served += 1
        method, path, _ = first.split(" ", 2)
        return Request(method, path.partition("?")[0], headers, body, self.served)

    async def more(self) -> None:
        """Wait for bytes."""
        self.arrived.clear()
        await self.arrived.wait()

    async def body(self, headers: Mapping[str, str]) -> bytes:
        """The request's body, by length or by chunks."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self.chunked_body()
        return await self.take(int(headers.get("content-length", "0")))

    async def chunked_body(self) -> bytes:
        """A body in chunks, trailers ignored."""
        whole = b""
        while True:
            size = int((await self.line()).split(b";")[0], 16)
            whole += await self.take(size)
            await self.line()
            if size == 0:
                return whole

    async def take(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        while len(self.buffer) < size:
            await self.more()
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    async def line(self) -> bytes:
        """One line without its end."""
        while b"\r\n" not in self.buffer:
            await self.more()
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer[:] = rest
        return line

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the client is behind."""
        self.transport.write(data)
        self.sent += len(data)
        if not self.writable.is_set():
            await self.writable.wait()

    async def answer(
        self, status: int, body: bytes, content_type: str = "application/json", **more: str
    ) -> None:
        """A whole response with a length."""
        await self.write(
            head(status, content_type, {"content-length": str(len(body)), **more}) + body
        )

    def close(self) -> None:
        """Close in order, after what is buffered has left."""
        self.transport.close()

    def reset(self) -> None:
        """Close with RST: the client sees 'connection reset by peer'."""
        sock: socket.socket | None = self.transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


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
