"""The socket between the parent and one worker: lines of JSON, each a list whose head is a word."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import orjson

Words = list[Any]


class JsonLineChannel(asyncio.Protocol):
    """Speaks as long as the other side is there; its end is how a death is noticed."""

    def __init__(self) -> None:
        self._hear: Callable[[Words], None]
        self._lost: Callable[[], None]
        self._rest = b""
        self._early: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    async def open(
        self, end: socket.socket, hear: Callable[[Words], None], lost: Callable[[], None]
    ) -> None:
        """Take over one end of a pair of sockets."""
        self._hear, self._lost = hear, lost
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=end)

    def say(self, *words: object) -> None:
        """Send a line; nothing when nobody is there any more to hear it."""
        line = orjson.dumps(words) + b"\n"
        if self._transport is None:
            self._early.append(line)
        elif not self._transport.is_closing():
            self._transport.write(line)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # of a stream socket
        transport.writelines(self._early)  # type: ignore[attr-defined] # the same

    def data_received(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._hear(orjson.loads(line))

    def connection_lost(self, error: Exception | None) -> None:
        self._lost()
