"""A real HTTP server in a thread that says exactly the bytes a test wants."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.waiting import PATIENCE_S, until

DISCLAIMER = "Model outputs are not clinical advice."
NOTES: dict[str, Any] = {
    "disclaimer": {"id": "default", "version": "1", "sha256": "00", "text": DISCLAIMER},
    "ai_generated": True,
    "provenance": {"engine": "vllm", "quantization": "mxfp4"},
    "truncated": None,
    "warnings": ["input_truncated"],
    "notices": [{"id": "chest_pain", "message": "Call your local emergency number."}],
}
USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "total_tokens": 12,
    "completion_tokens_details": {"reasoning_tokens": 2},
}
LAST: dict[str, Any] = {
    "finish_reason": "stop",
    "truncated": None,
    "usage": USAGE,
    "disclaimer": DISCLAIMER,
    "warnings": NOTES["warnings"],
    "notices": NOTES["notices"],
    "request_id": "req-1",
    "model": "served/model",
    "mmhie": NOTES,
}
JSON_ANSWER: dict[str, Any] = {"text": "Rest and fluids.", **LAST}
CHAT_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "served/model",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello.", "reasoning": "Greet."},
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
    "mmhie": NOTES,
}


@dataclass
class Seen:
    """One request as it arrived; `left` is set when the client hung up before the answer's end."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int] | str
    arrived: float = field(default_factory=time.monotonic)
    left: threading.Event = field(default_factory=threading.Event)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """One request and both directions of its connection, for a script."""

    seen: Seen
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int, headers: Mapping[str, str], length: int | None) -> None:
        size = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        lines = [f"HTTP/1.1 {status} X", size, "x-request-id: req-1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def until_client_leaves(self) -> None:
        with suppress(ConnectionError):
            while await self.reader.read(1024):
                pass
        self.seen.left.set()


Script = Callable[[Exchange], Coroutine[Any, Any, None]]


def reply(value: object, status: int = 200, **headers: str) -> Script:
    """Answer with JSON, or with these very bytes."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}

    async def run(exchange: Exchange) -> None:
        await exchange.head(status, named, len(body))
        await exchange.send(body)

    return run


def error(status: int, code: object, message: str = "A sentence.", **headers: str) -> Script:
    """Answer with the one error shape."""
    body = {"message": message, "type": "t", "param": "prompt", "code": code}
    return reply({"error": body}, status, x_mmhie_disclaimer_version="1", **headers)


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


Part = bytes | float | threading.Event


def stream(*parts: Part, cut: bool = False, then_wait: bool = False) -> Script:
    """Send chunks, pause for seconds or until an event is set; `cut` drops the connection.

    `then_wait` waits until the client drops it.
    """

    async def run(exchange: Exchange) -> None:
        await exchange.head(
            200, {"content-type": "text/event-stream", "x-mmhie-disclaimer-version": "1"}, None
        )
        for part in parts:
            if isinstance(part, bytes):
                await exchange.chunk(part)
            elif isinstance(part, float):
                await asyncio.sleep(part)
            else:
                assert await asyncio.to_thread(part.wait, PATIENCE_S)
        if then_wait:
            await exchange.until_client_leaves()
        elif cut:
            exchange.writer.close()
        else:
            await exchange.send(b"0\r\n\r\n")

    return run


def answer_stream(*texts: str) -> Script:
    """A whole stream, one chunk for each delta."""
    deltas = [event({"delta": text}) for text in texts]
    return stream(*deltas, event(LAST), b"data: [DONE]\n\n")


def hang() -> Script:
    """Accept the request and say nothing until the client leaves."""

    async def run(exchange: Exchange) -> None:
        await exchange.until_client_leaves()

    return run


def trickle(pause: float, status: int = 200) -> Script:
    """Say an answer without end, a byte at a time."""

    async def run(exchange: Exchange) -> None:
        await exchange.head(status, {}, 10**9)
        while True:
            await exchange.send(b" ")
            await asyncio.sleep(pause)

    return run


def drop() -> Script:
    """Close the connection without a word."""

    async def run(exchange: Exchange) -> None:
        exchange.writer.close()

    return run


class ScriptedServer:
    """Plays its scripts in order, the last one for ever; `/v1/models` is answered by itself."""

    def __init__(
        self, scripts: Sequence[Script], models: Sequence[str] = ("served/model",)
    ) -> None:
        self.requests: list[Seen] = []
        self.models = models
        self.url = ""
        self._scripts = list(scripts)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()

    @contextmanager
    def running(self, socket_path: str | None = None) -> Iterator["ScriptedServer"]:
        """Serve on a free loopback port, or on a Unix socket, from a thread."""
        started = threading.Event()
        stopping = asyncio.Event()
        thread = threading.Thread(
            target=self._loop.run_until_complete,
            args=(self._serve(socket_path, started, stopping),),
        )
        thread.start()
        assert started.wait(PATIENCE_S)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(stopping.set)
            thread.join(PATIENCE_S)
            self._loop.close()

    @property
    def calls(self) -> list[Seen]:
        """The requests that asked the model something."""
        return [seen for seen in self.requests if seen.path != "/v1/models"]

    def until_left(self) -> None:
        """Wait until the client has hung up on its first question."""
        until(lambda: self.calls and self.calls[0].left.is_set())

    async def _serve(
        self, socket_path: str | None, started: threading.Event, stopping: asyncio.Event
    ) -> None:
        if socket_path is None:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        else:
            server = await asyncio.start_unix_server(self._accept, socket_path)
            self.url = f"unix:{socket_path}"
        started.set()
        await stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            async for seen in _requests(reader, writer):
                self.requests.append(seen)
                await self._script_for(seen)(Exchange(seen, reader, writer))
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def _script_for(self, seen: Seen) -> Script:
        if seen.path == "/v1/models":
            return reply({"object": "list", "data": [{"id": name} for name in self.models]})
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]


async def _requests(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> AsyncIterator[Seen]:
    while head := await _head(reader):
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        pairs = (line.split(": ", 1) for line in lines if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        yield Seen(method, path, headers, body, writer.get_extra_info("peername"))


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
