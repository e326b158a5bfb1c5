"""Requests and answers that take the most memory, and an engine that waits or says much."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import orjson

from tests.contract.process import Gateway
from tests.gateway.peer import Line, Peer

BODY_BYTES = 2 * 1024 * 1024 - 1024
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
PAGES: Mapping[bytes, object] = {
    b"/health": {},
    b"/get_model_info": {},
    b"/v1/models": {"data": [{"id": "m", "object": "model", "max_model_len": 8192}]},
    b"/version": {"version": "0.32.0"},
    b"/tokenize": {"count": 1},
}


def body_of(unit: bytes, most: int) -> bytes:
    """Return a chat request of nearly two megabytes: at most so many of one value, and a text."""
    head = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"filler":['
    times = min(most, (BODY_BYTES - len(head)) // (len(unit) + 1))
    filled = head + b",".join([unit] * times) + b'],"note":"'
    return filled + b"a" * (BODY_BYTES - len(filled)) + b'"}'


def whole_answer(size: int) -> bytes:
    """Return a chat completion of so many bytes."""
    message = {"role": "assistant", "content": "word " * (size // 5)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 5}
    return orjson.dumps({"id": "1", "model": "m", "choices": [choice], "usage": usage})


def reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


@contextlib.asynccontextmanager
async def engine(generate: Callable[[Line], Awaitable[None]]) -> AsyncIterator[Peer]:
    """An engine that is ready, and answers every request for text as it is told."""

    async def play(line: Line) -> None:
        while True:
            request = await line.request()
            path = request.split(b" ", 2)[1]
            if path in PAGES:
                line.say(reply(orjson.dumps(PAGES[path])))
            else:
                await generate(line)

    async with Peer(play) as peer:
        yield peer


async def answered(gateway: Gateway, body: bytes) -> bytes:
    """Return the whole response to one request over a connection of its own."""
    framing = b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    return await exchange(gateway.port, HEAD + framing + body)


async def exchange(port: int, sent: bytes) -> bytes:
    """Return all that comes back over a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**26)
    try:
        writer.write(sent)
        return await reader.read()
    finally:
        writer.close()


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process has had since it was asked to start counting."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) * 1024
