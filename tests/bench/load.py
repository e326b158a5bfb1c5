"""A load generator that costs little: raw HTTP/1.1 on asyncio protocols, latencies in arrays."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from array import array
from dataclasses import dataclass, field

from tests.waiting import PATIENCE_S

PROMPT = "The patient reports fatigue and pallor; the blood count is attached. " * 18
SHORT, LONG = 60, 1200  # characters of a prompt
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
LAST_CHUNK = b"0\r\n\r\n"
CHUNKED = sys.maxsize  # bytes left of a body whose end is its last chunk


def request(
    port: int, *, stream: bool, tokens: int, key: str | None, characters: int = LONG
) -> bytes:
    """A chat completion with a prompt of so many characters."""
    mode = '"stream":true,' * stream
    messages = '"messages":[{"role":"user","content":"' + PROMPT[:characters] + '"}]'
    body = f'{{"model":"bench",{mode}"max_tokens":{tokens},"temperature":0,{messages}}}'.encode()
    authorization = f"authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{authorization}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Seen:
    """Observations of the clients of one run; times in seconds."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    ttft: array[float] = field(default_factory=lambda: array("d"))
    chunks: int = 0
    errors: int = 0


class Caller(asyncio.Protocol):
    """One keep-alive connection in a closed loop until `until`."""

    def __init__(self, message: bytes, until: float, seen: Seen, *, stream: bool) -> None:
        self.message, self.until, self.seen, self.stream = message, until, seen, stream
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tail = b""
        self.left = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment] # both ways
        self.ask()

    def ask(self) -> None:
        if time.perf_counter() >= self.until:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.first = True
        self.left = -1
        self.tail = b""
        self.transport.write(self.message)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self.stream:
            self.take_events(data, now)
        else:
            self.take_whole(data, now)

    def take_events(self, data: bytes, now: float) -> None:
        if b"data: " in data and self.first:
            self.seen.ttft.append(now - self.sent)
            self.first = False
        self.seen.chunks += data.count(b"data: ")
        self.tail = (self.tail + data)[-32:]
        if LAST_CHUNK in self.tail:
            self.finish(now, b"[DONE]" in self.tail)

    def take_whole(self, data: bytes, now: float) -> None:
        if self.left < 0:
            head, _, body = data.partition(b"\r\n\r\n")
            length = LENGTH.search(head)
            self.left = int(length[1]) - len(body) if length else CHUNKED
            self.ok = head.startswith(b"HTTP/1.1 200")
        elif self.left != CHUNKED:
            self.left -= len(data)
        if self.left <= 0 or (self.left == CHUNKED and data.endswith(LAST_CHUNK)):
            self.finish(now, self.ok)

    def finish(self, now: float, ok: bool) -> None:
        self.seen.latencies.append(now - self.sent)
        self.seen.errors += not ok
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self.until:
            self.seen.errors += 1
        if not self.done.done():
            self.done.set_result(None)


async def drive(
    port: int,
    *,
    clients: int,
    seconds: float,
    stream: bool,
    tokens: int = 100,
    key: str | None = None,
    characters: int = LONG,
) -> Seen:
    """`clients` connections, started one by one so that their first requests are spread."""
    loop = asyncio.get_running_loop()
    seen = Seen()
    message = request(port, stream=stream, tokens=tokens, key=key, characters=characters)
    until = time.perf_counter() + seconds
    callers = []
    for _ in range(clients):
        _, caller = await loop.create_connection(
            lambda: Caller(message, until, seen, stream=stream), "127.0.0.1", port
        )
        callers.append(caller)
        await asyncio.sleep(0.02 / clients if not stream else 0.5 / clients)
    await asyncio.wait_for(asyncio.gather(*(c.done for c in callers)), seconds + PATIENCE_S)
    return seen
