"""Putting an event stream on the wire, well or badly."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator

from tests.fake_engine.chat import DONE, Frame
from tests.fake_engine.connection import Connection, head
from tests.fake_engine.faults import FOREVER, Delivery
from tests.fake_engine.refusals import streaming_error

LAST_CHUNK = b"0\r\n\r\n"
Break = Callable[["Sender"], Awaitable[None]]


def chunked(data: bytes) -> bytes:
    """One HTTP chunk."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Sender:
    """One streamed answer on its way; `done` is False when it ended before its end."""

    def __init__(
        self,
        connection: Connection,
        delivery: Delivery,
        on_token: Callable[[int], None],
        permits: asyncio.Semaphore | None = None,
    ) -> None:
        self.connection = connection
        self.delivery = delivery
        self.on_token = on_token
        self.permits = permits
        self.held = bytearray()
        self.failure = streaming_error()

    async def stream(self, frames: Iterator[Frame], *, terminator: bytes = DONE) -> None:
        """Send the head, the frames and the end, as the delivery says."""
        await asyncio.sleep(self.delivery.headers_delay)
        await self.send(
            head(200, "text/event-stream; charset=utf-8", {"transfer-encoding": "chunked"})
        )
        await asyncio.sleep(self.delivery.first_delay)
        if await self.frames(frames):
            await self.end(terminator)

    async def frames(self, frames: Iterator[Frame]) -> bool:
        """Send frames until they, or the delivery's patience, end; True: the end is due."""
        sent = 0
        for frame in frames:
            if self.delivery.ending in BREAKS and sent >= self.delivery.after and frame.tokens:
                await BREAKS[self.delivery.ending](self)
                return False
            await self.pause(frame, sent)
            await self.send(chunked(frame.data))
            sent += frame.tokens
            self.on_token(frame.tokens)
        return True

    async def pause(self, frame: Frame, sent: int) -> None:
        """The time a token takes; others get their turn even when it takes none. Of gated tokens
        each but the first waits until it is released."""
        if frame.tokens and sent and self.delivery.gated and self.permits:
            await self.permits.acquire()
        if frame.tokens:
            await asyncio.sleep(self.delivery.token_delay if sent else 0)

    async def end(self, terminator: bytes) -> None:
        """The ordinary end, or one without [DONE]."""
        if terminator and self.delivery.ending != "no_done":
            await self.send(chunked(terminator))
        await self.send(LAST_CHUNK)
        await self.flush()

    async def send(self, data: bytes) -> None:
        """Hand bytes to the socket in the segments the delivery asks for."""
        if self.delivery.framing == "each":
            await self.connection.write(data)
            return
        self.held += data
        if self.delivery.framing == "split":
            await self.split()

    async def split(self) -> None:
        """Send what is held in pieces of `size` bytes, each its own segment."""
        while self.held:
            await self.connection.write(bytes(self.held[: self.delivery.size]))
            del self.held[: self.delivery.size]
            await asyncio.sleep(0)

    async def flush(self) -> None:
        """Send all that is still held, at once."""
        await self.connection.write(bytes(self.held))
        self.held.clear()


def stop(end: Callable[[Connection], None], *, last: bytes = b"", pause_s: float = 0) -> Break:
    """End the connection, or the process, after what has been written."""

    async def break_off(sender: Sender) -> None:
        await sender.send(last)
        await sender.flush()
        await asyncio.sleep(pause_s)
        end(sender.connection)

    return break_off


async def hang(sender: Sender) -> None:
    """Nothing more comes, and nothing ends."""
    await sender.flush()
    await asyncio.sleep(FOREVER)


async def error(sender: Sender) -> None:
    """Generation fails as vLLM reports it: an error frame, [DONE], an orderly end."""
    await sender.send(chunked(sender.failure))
    await sender.end(DONE)


async def clean(sender: Sender) -> None:
    """The HTTP body ends in order, but no chunk said finish_reason and no [DONE] came."""
    await sender.send(LAST_CHUNK)
    await sender.flush()


BREAKS: dict[str, Break] = {
    "cut": stop(Connection.close),
    "reset": stop(Connection.reset, pause_s=0.02),
    "crash": stop(lambda _: os._exit(1), pause_s=0.02),
    "garbage": stop(Connection.close, last=b"zz\r\nnot a chunk\r\n"),
    "short": stop(Connection.close, last=b"400\r\ndata: {"),  # promises more than it has
    "hang": hang,
    "error": error,
    "clean": clean,
}


async def send_whole(connection: Connection, delivery: Delivery, body: bytes) -> None:
    """A JSON answer, or as much of it as the delivery lets through."""
    await asyncio.sleep(delivery.headers_delay)
    length = len(body) + (1000 if delivery.ending == "short" else 0)
    first = head(200, "application/json", {"content-length": str(length)})
    sender = Sender(connection, delivery, lambda _: None)
    if delivery.ending in ("whole", "no_done"):
        await whole_body(sender, first, body)
        return
    await sender.send(first + body[: len(body) // 2])
    await BREAKS[instead_of(delivery.ending)](sender)


async def whole_body(sender: Sender, first: bytes, body: bytes) -> None:
    """Head and body, with the pause that `hang_after_headers` means between them."""
    await sender.send(first)
    await asyncio.sleep(sender.delivery.first_delay)
    await sender.send(body)
    await sender.flush()


def instead_of(ending: str) -> str:
    """A JSON answer has no chunks and no frames: the nearest way to break it."""
    return ending if ending in ("reset", "hang", "crash") else "cut"
