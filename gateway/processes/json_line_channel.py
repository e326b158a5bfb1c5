"""The socket between the supervisor and one worker: a JSON list a line.

A list begins with a command, or with the number of the call that it answers.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import orjson

Message = list[Any]
Send = Callable[..., None]


class JsonLineChannel(asyncio.Protocol):
    """One end of a socket pair; it closes when the other process ends, however that ends."""

    def __init__(self) -> None:
        self._on_message: Callable[[Message], None]
        self._on_close: Callable[[], None]
        self._partial = b""
        self._unsent: list[bytes] = []  # before the channel was open
        self._transport: asyncio.Transport | None = None

    async def open(
        self,
        end: socket.socket,
        on_message: Callable[[Message], None],
        on_close: Callable[[], None],
    ) -> None:
        """Take over one end of a socket pair."""
        self._on_message, self._on_close = on_message, on_close
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=end)

    def send(self, *message: object) -> None:
        """Send a message; dropped when the other side has gone."""
        line = orjson.dumps(message) + b"\n"
        if self._transport is None:
            self._unsent.append(line)
        elif not self._transport.is_closing():
            self._transport.write(line)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # of a stream socket
        transport.writelines(self._unsent)  # type: ignore[attr-defined] # the same

    def data_received(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._on_message(orjson.loads(line))

    def connection_lost(self, error: Exception | None) -> None:
        self._on_close()
