"""A small engine with real sockets that sends exactly the test's bytes."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Self

from gateway.engine.client import EngineClient, EngineRequest

Play = Callable[["Line"], Awaitable[None]]

GET = EngineRequest("GET", "/x", total_s=5.0)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    """Return one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Line:
    """One connection, on the engine's side."""

    def __init__(
        self, peer: "Peer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = peer.lines
        self.writer = writer
        self._requests = peer.requests
        self._reader = reader

    async def request(self) -> bytes:
        """Return the next whole request; raise IncompleteReadError if the client has left."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        self._requests.append(head + await self._reader.readexactly(length))
        return self._requests[-1]

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def reset(self) -> None:
        """Close the connection with a RST."""
        plug = self.writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def hung_up(self) -> None:
        """Wait until the client has closed or reset the connection."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read()


class Peer:
    """An engine that plays one script on every connection."""

    def __init__(self, play: Play, path: Path | None = None) -> None:
        self.play = play
        self.path = path
        self.lines = 0
        self.open = 0
        self.requests: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self.path is not None:
            self.server = await asyncio.start_unix_server(self._serve, str(self.path))
            self.url = f"unix:{self.path}"
        else:
            self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.lines += 1
        self.open += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self.play(Line(self, reader, writer))
        except asyncio.CancelledError:
            pass  # the end of the test
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()


def always(answer: bytes, *, close: bool = False) -> Play:
    """Return a script with the same answer to every request; `close` ends the connection after the
    first."""

    async def play(line: Line) -> None:
        while True:
            await line.request()
            line.say(answer)
            if close:
                return

    return play


@contextlib.asynccontextmanager
async def meeting(play: Play, path: Path | None = None) -> AsyncIterator[tuple[EngineClient, Peer]]:
    """Open a client and its engine."""
    async with Peer(play, path) as peer:
        client = EngineClient(peer.url)
        try:
            yield client, peer
        finally:
            await client.aclose()


async def fetch(client: EngineClient, request: EngineRequest = GET) -> tuple[int, bytes]:
    """Return status and body of one request."""
    response = await client.open(request)
    try:
        return response.status, await response.read_all()
    finally:
        response.close()
