"""A crowd of callers, one in ten of them ill-behaved, and a count of what each kind got."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.contract.surfaces import CHAT, CHAT_SSE, COMPLETIONS, GENERATE, PROMPT, SURFACES
from tests.gateway.auth.conftest import bearer
from tests.gateway.server.wire import request

PATIENCE_S = 300.0
CALLERS = 36  # each keeps its connection and asks five times a second
PAUSE_S = 0.2
MISCHIEF_PER_S = 20.0
# What the callers that behave ask in turn.
ASKED = tuple(surface for surface in SURFACES if surface.path in (GENERATE, CHAT))
Headers = Mapping[str, str]
NONE: Headers = {}
LONG = {"prompt": PROMPT, "model": "fake-model", "max_tokens": 24, "stream": True}


@dataclass
class Crowd:
    """All callers of one gateway; `outcomes` counts outcomes by kind of caller."""

    port: int
    key: str
    streams: int
    outcomes: Counter[str] = field(default_factory=Counter)
    open_streams: int = 0
    most_open: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, seconds: float) -> None:
        """Press on for so long, then let everybody finish."""
        tasks = [asyncio.create_task(self.hold(number)) for number in range(self.streams)]
        tasks += [asyncio.create_task(self.ask(number)) for number in range(CALLERS)]
        tasks.append(asyncio.create_task(self.mischief()))
        await asyncio.sleep(seconds)
        self.stopping.set()
        await asyncio.gather(*tasks)

    async def pause(self, seconds: float) -> None:
        """Wait, but not past the end."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return

    async def hold(self, number: int) -> None:
        """One long stream after the other; they come in slowly, as people do."""
        await self.pause(number * 0.01)
        while not self.stopping.is_set():
            self.open_streams += 1
            self.most_open = max(self.most_open, self.open_streams)
            try:
                await self.noted("stream", self.once())
            finally:
                self.open_streams -= 1

    async def ask(self, number: int) -> None:
        """Short questions in every form, on one connection as long as it is kept."""
        line = Line(self.port, self.key)
        clock = asyncio.get_running_loop().time
        await self.pause(number * PAUSE_S / CALLERS)
        due = clock()
        while not self.stopping.is_set():
            surface = ASKED[number % len(ASKED)]
            number += 1
            asked = line.exchange(surface.path, surface.body(max_tokens=12), surface.headers)
            await self.noted("request", asked)
            due = max(due + PAUSE_S, clock() - 5 * PAUSE_S)  # catch up, but not for ever
            await self.pause(max(0.0, due - clock()))
        line.close()

    async def once(self) -> str:
        async with connected(self) as line:
            return await line.exchange(COMPLETIONS, LONG)

    async def noted(self, kind: str, answer: Awaitable[str]) -> None:
        """Count what came of it; what nobody expects is an outcome, too."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                outcome = await answer
        except (OSError, asyncio.IncompleteReadError) as problem:
            outcome = type(problem).__name__
        self.outcomes[f"{kind}: {outcome}"] += 1

    async def mischief(self) -> None:
        """Twenty times a second somebody misbehaves, each in turn."""
        doing: set[asyncio.Task[None]] = set()
        number = 0
        while not self.stopping.is_set():
            name, act = MISCHIEF[number % len(MISCHIEF)]
            task = asyncio.create_task(self.noted(name, act(self)))
            doing.add(task)
            task.add_done_callback(doing.discard)
            number += 1
            await self.pause(1 / MISCHIEF_PER_S)
        await asyncio.gather(*doing)


class Line:
    """One connection to the gateway, opened anew when it is gone."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self.writer: asyncio.StreamWriter | None = None

    async def exchange(self, path: str, body: Mapping[str, Any], more: Headers = NONE) -> str:
        """Ask and read to the end; `complete`, or what came instead."""
        await self.send(path, body, more)
        status, head = await self.head()
        content = await self.body(head)
        if b"connection: close" in head:
            self.close()
        return classify(status, head, content)

    async def send(self, path: str, body: Mapping[str, Any], more: Headers = NONE) -> None:
        if self.writer is None or self.writer.is_closing():
            await self.open()
        headers = {"content-type": "application/json", **bearer(self.key), **more}
        lines = (f"{name}: {value}" for name, value in headers.items())
        content = json.dumps(body).encode()
        self.write(request(path, *lines, method="POST", body=content, close=False))

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def write(self, data: bytes) -> None:
        if self.writer is not None:
            self.writer.write(data)

    async def head(self) -> tuple[int, bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        return int(head.split(b" ", 2)[1]), head

    async def body(self, head: bytes) -> bytes:
        """The whole body, under a length or in chunks."""
        at = head.find(b"content-length: ")
        if at >= 0:
            return await self.reader.readexactly(int(head[at + 16 :].split(b"\r\n", 1)[0]))
        content = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            content += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return content

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def classify(status: int, head: bytes, content: bytes) -> str:
    """Classify an answer; a stream has to have its end."""
    if status != 200:
        return f"{status} {json.loads(content)['error']['code']}"
    if b"text/plain" in head:
        return "in band" if b"[interrupted: " in content else "complete"
    if b'"error"' in content:
        return "in band"
    if b"event-stream" in head:
        return "complete" if content.endswith(b"data: [DONE]\n\n") else "cut"
    return "complete" if b'"finish_reason":' in content else "cut"


@asynccontextmanager
async def connected(crowd: Crowd, key: str = "") -> AsyncIterator[Line]:
    """A connection that is closed at the end, whatever becomes of it."""
    line = Line(crowd.port, key or crowd.key)
    await line.open()
    try:
        yield line
    finally:
        line.close()


async def slow_reader(crowd: Crowd) -> str:
    """Asks for much and reads a little every now and then, then leaves."""
    async with connected(crowd) as line:
        await line.send(CHAT, CHAT_SSE.body(max_tokens=600, ignore_eos=True))
        for _ in range(10):
            await line.reader.read(200)
            await crowd.pause(0.5)
    return "left"


async def leaver(crowd: Crowd) -> str:
    """Leaves at the first byte of a long answer."""
    async with connected(crowd) as line:
        await line.send(COMPLETIONS, LONG)
        await line.reader.read(1)
    return "left"


async def half_sender(crowd: Crowd) -> str:
    """Promises a body, sends half of it, waits, and leaves."""
    async with connected(crowd) as line:
        lines = (f"authorization: Bearer {crowd.key}", "content-length: 500")
        line.write(request(CHAT, *lines, method="POST", close=False) + b'{"messages": [')
        await crowd.pause(2 * random.random())
    return "left"


async def babbler(crowd: Crowd) -> str:
    """Speaks no HTTP, and is told so."""
    async with connected(crowd) as line:
        line.write(b"\xff" + random.randbytes(300) + b"\r\n\r\n")
        status, _ = await line.head()
    return str(status)


async def stranger(crowd: Crowd) -> str:
    """Has a key that is none."""
    async with connected(crowd, "mmhie_no-such-key") as line:
        return await line.exchange(GENERATE, {"prompt": PROMPT})


Act = Callable[[Crowd], Awaitable[str]]
MISCHIEF: tuple[tuple[str, Act], ...] = (
    ("slow reader", slow_reader),
    ("leaver", leaver),
    ("half sender", half_sender),
    ("babbler", babbler),
    ("stranger", stranger),
)
