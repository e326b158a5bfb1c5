"""Answers that are wrong as bytes: what HTTP, SSE or JSON forbid, or allow and nobody expects."""

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.fake_engine.connection import Connection, head

STREAM_TYPE = "text/event-stream; charset=utf-8"
TICK_S = 0.02
HUGE_HEADER_BYTES = 100 * 1024
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


async def early_hints(wire: Wire) -> None:
    """Two interim responses, then the answer."""
    await wire.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
    await wire.counted(wire.body)


async def switching(wire: Wire) -> None:
    """Another protocol than was asked for."""
    await wire.send(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"
    )
    await asyncio.sleep(3600)


async def head_for_ever(wire: Wire) -> None:
    """A head that comes byte by byte and never ends."""
    await wire.send(b"HTTP/1.1 200 OK\r\n")
    await wire.repeat(b"x")


async def long_length(wire: Wire) -> None:
    """More bytes promised than come before the close."""
    await wire.counted(wire.body, len(wire.body) + 1000)
    wire.close()


async def long_length_hang(wire: Wire) -> None:
    """More bytes promised than ever come; the connection stays."""
    await wire.counted(wire.body[: len(wire.body) // 2], len(wire.body))
    await asyncio.sleep(3600)


async def short_length(wire: Wire) -> None:
    """Fewer bytes promised than come."""
    await wire.counted(wire.body, len(wire.body) // 2)


async def both_framings(wire: Wire) -> None:
    """A length and chunks at once: what request smuggling is made of."""
    await wire.send(wire.head(content_length="5", transfer_encoding="chunked"))
    await wire.send(f"{len(wire.body):x}\r\n".encode() + wire.body + b"\r\n" + LAST_CHUNK)


async def no_framing(wire: Wire) -> None:
    """As HTTP/1.0 has it: the close is the end."""
    await wire.send(wire.head(connection="close") + wire.body)
    wire.close()


async def no_framing_cut(wire: Wire) -> None:
    """The same, and the close came too early: nothing in HTTP tells."""
    await wire.send(wire.head(connection="close") + wire.body[: len(wire.body) // 2])
    wire.close()


async def extensions(wire: Wire) -> None:
    """Chunk extensions and trailers, which HTTP allows."""
    size = f"{len(wire.body):x};name=value\r\n".encode()
    await wire.send(wire.head(transfer_encoding="chunked") + size + wire.body + b"\r\n")
    await wire.send(b"0\r\nx-trailer: y\r\n\r\n")


async def after_end(wire: Wire) -> None:
    """A second response behind the one that was asked for."""
    await wire.counted(wire.body)
    await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


async def trickle(wire: Wire) -> None:
    """Bytes keep coming and nothing is ever whole."""
    await wire.chunks(*wire.events[:2] if wire.is_stream else ())
    await wire.repeat(b"1\r\nd\r\n" if wire.is_stream else b"1\r\n \r\n")


async def comments(wire: Wire) -> None:
    """Signs of life and never a token."""
    await wire.chunks()
    await wire.repeat(b"8\r\n: ping\n\n\r\n" if wire.is_stream else b"1\r\n \r\n")


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


async def half_letter(wire: Wire) -> None:
    """The socket closes inside a letter of two bytes."""
    whole, rest = parted(wire)
    at = rest.index(b'"content":"') + len(b'"content":"')
    await wire.chunks(*whole, rest[:at] + "é".encode()[:1])
    wire.close()


async def error_first(wire: Wire) -> None:
    """An error after 200, before any token."""
    await wire.counted(b"data: %b\n\n" % ERROR + wire.events[-1] if wire.is_stream else ERROR)


async def done_early(wire: Wire) -> None:
    """[DONE] in the middle, and an orderly end."""
    await wire.counted(b"".join(wire.events[:4]) + b"data: [DONE]\n\n")


async def returns(wire: Wire) -> None:
    """Line ends of CR LF, which SSE allows."""
    await wire.counted(wire.body.replace(b"\n", b"\r\n"))


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
    # one header larger than anybody needs, or one that holds a NUL; an encoding nobody asked for
    "huge_header": lambda wire: wire.counted(wire.body, x_filler="x" * HUGE_HEADER_BYTES),
    "bad_header": lambda wire: wire.counted(wire.body, x_odd="a\0b"),
    "compressed": lambda wire: wire.counted(gzip.compress(wire.body), content_encoding="gzip"),
    # interim responses and never an answer
    "hints_for_ever": lambda wire: wire.repeat(b"HTTP/1.1 102 Processing\r\n\r\n"),
    # a byte that is no UTF-8, inside an answer that is otherwise whole
    "bad_letter": changed(b'"content":"', b'"content":"\xff'),
    # an event, or the document, that is no JSON, or JSON and no object
    "bad_json": changed(rb'"choices":\[', b'"choices":[{]'),
    "no_object": changed(rb"\{.*\}", b"[1, 2]"),
    # choices that are null, or of another kind; text that is a number
    "null_choices": everywhere(rb'"choices":\[\{.*\}\]', b'"choices":null'),
    "odd_choices": changed(rb'"choices":\[.*\]', b'"choices":["x"]'),
    "odd_content": changed(rb'"content":"[^"]*"', b'"content":7'),
    # no token counts, though they were asked for
    "no_usage": everywhere(rb'"usage":\{.*?\}(?=[,}])', b'"usage":null'),
}
FUNCTIONS = (
    *(early_hints, switching, head_for_ever, long_length, long_length_hang, short_length),
    *(both_framings, no_framing, no_framing_cut, extensions, after_end, trickle, comments, giant),
    *(wrong_kind, half_event, half_letter, error_first, done_early, returns),
)
WIRES: Mapping[str, Spoiler] = {
    **CHANGES,
    **{function.__name__: function for function in FUNCTIONS},
}
