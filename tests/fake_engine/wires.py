"""Answers that are wrong as bytes: what HTTP, SSE or JSON forbid, or allow and nobody expects."""

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.fake_engine.connection import Connection, head

STREAM_TYPE = "text/event-stream; charset=utf-8"
TICK_S = 0.02
# More than a gateway keeps of one answer (4 MiB) and sockets hold, which Linux lets grow to 36.
GIANT_BYTES = 48 * 1024 * 1024
LAST_CHUNK = b"0\r\n\r\n"
ERROR = (
    b'{"error": {"message": "Internal server error", "type": "InternalServerError", "code": 500}}'
)


Spoiler = Callable[["Wire"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wire:
    """One good answer, event by event (a JSON answer is one), and the socket it may leave by."""

    connection: Connection
    events: tuple[bytes, ...]
    is_stream: bool

    @property
    def media(self) -> str:
        return STREAM_TYPE if self.is_stream else "application/json"

    @property
    def body(self) -> bytes:
        return b"".join(self.events)

    def head(self, status: int = 200, **headers: str) -> bytes:
        return head(status, self.media, headers)

    async def send(self, data: bytes) -> None:
        await self.connection.write(data)

    async def counted(self, body: bytes, length: int | None = None, **headers: str) -> None:
        """A body under a length, right or wrong."""
        said = str(len(body) if length is None else length)
        await self.send(self.head(200, content_length=said, **headers) + body)

    async def chunks(self, *parts: bytes) -> None:
        """The head of a chunked answer and some of its chunks; its end is another matter."""
        framed = [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts]
        await self.send(self.head(transfer_encoding="chunked") + b"".join(framed))

    async def repeat(self, data: bytes, seconds: float = TICK_S) -> None:
        """The same bytes again and again, for ever."""
        while True:
            await self.send(data)
            await asyncio.sleep(seconds)

    def close(self) -> None:
        self.connection.close()


async def long_length(wire: Wire) -> None:
    """More bytes promised than come before the close."""
    await wire.counted(wire.body, len(wire.body) + 1000)
    wire.close()


async def trickle(wire: Wire) -> None:
    """Bytes keep coming and nothing is ever whole."""
    await wire.chunks(*wire.events[:2] if wire.is_stream else ())
    await wire.repeat(b"1\r\nd\r\n" if wire.is_stream else b"1\r\n \r\n")


async def giant(wire: Wire) -> None:
    """One event, or one document, that is larger than a machine wants to hold."""
    await wire.send(wire.head(content_length=str(GIANT_BYTES)))
    block = b"data: " + b"x" * 2**20 if wire.is_stream else b" " * 2**20
    for _ in range(GIANT_BYTES // 2**20):
        await wire.send(block)
        await asyncio.sleep(0)
    wire.close()


async def wrong_kind(wire: Wire) -> None:
    """A document where events were asked for, events where a document was."""
    if wire.is_stream:
        await wire.connection.answer(200, b'{"choices": []}')
    else:
        await wire.connection.answer(200, b"data: {}\n\ndata: [DONE]\n\n", STREAM_TYPE)


async def half_event(wire: Wire) -> None:
    """The socket closes inside an event."""
    whole, rest = parted(wire)
    await wire.chunks(*whole, rest[: len(rest) // 2])
    wire.close()


async def error_first(wire: Wire) -> None:
    """An error after 200, before any token."""
    await wire.counted(b"data: %b\n\n" % ERROR + wire.events[-1] if wire.is_stream else ERROR)


def parted(wire: Wire) -> tuple[tuple[bytes, ...], bytes]:
    """Part a stream before its fourth event; of a document all is "it"."""
    return (wire.events[:3], wire.events[3]) if wire.is_stream else ((), wire.body)


def changed(pattern: bytes, by: bytes) -> Spoiler:
    """The answer with one change: in its fourth event, or in the document."""

    async def spoil(wire: Wire) -> None:
        at = 3 if wire.is_stream else 0
        new = re.sub(pattern, lambda _: by, wire.events[at], count=1)
        assert new != wire.events[at], pattern
        await wire.counted(b"".join((*wire.events[:at], new, *wire.events[at + 1 :])))

    return spoil


def everywhere(pattern: bytes, by: bytes) -> Spoiler:
    """The answer with a change in every event."""

    async def spoil(wire: Wire) -> None:
        await wire.counted(b"".join(re.sub(pattern, by, event) for event in wire.events))

    return spoil


CHANGES: Mapping[str, Spoiler] = {
    # an encoding nobody asked for
    "compressed": lambda wire: wire.counted(gzip.compress(wire.body), content_encoding="gzip"),
    # a byte that is no UTF-8, inside an answer that is otherwise whole
    "bad_letter": changed(b'"content":"', b'"content":"\xff'),
    # an event, or the document, that is no JSON
    "bad_json": changed(rb'"choices":\[', b'"choices":[{]'),
    # choices that are null
    "null_choices": everywhere(rb'"choices":\[\{.*\}\]', b'"choices":null'),
    # no token counts, though they were asked for
    "no_usage": everywhere(rb'"usage":\{.*?\}(?=[,}])', b'"usage":null'),
}
FUNCTIONS = (long_length, trickle, giant, wrong_kind, half_event, error_first)
WIRES: Mapping[str, Spoiler] = {
    **CHANGES,
    **{function.__name__: function for function in FUNCTIONS},
}
