"""Screening of long prompts: beside the engine's work, before the first byte."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.pipeline import LONG_TEXT, READER
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import served

STREAMS = 64
EMERGENCY = "I have crushing chest pain and I am sweating."
LONG = "The weather was fine that day. " * (LONG_TEXT // 20) + EMERGENCY


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    started = FakeEngine().wait()
    yield started
    started.stop()


@pytest.fixture
async def port(engine: FakeEngine) -> AsyncIterator[int]:
    """A gateway of this loop that has seen its engine ready."""
    async with served(engine.url) as found:
        while b"200 OK" not in await ask(found, "Hi."):
            await asyncio.sleep(0.05)
        engine.reset()
        yield found


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """The thread that reads long texts, busy until the event is set."""
    released = threading.Event()
    READER.submit(released.wait)
    yield released
    released.set()


async def ask(port: int, prompt: str, model: str = "fake-model") -> bytes:
    """The whole response to one streamed chat request."""
    message = {"role": "user", "content": prompt}
    body = json.dumps({"model": model, "stream": True, "messages": [message]}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}content-type: application/json\r\nconnection: close\r\n\r\n".encode())
    writer.write(body)
    answer = await reader.read()
    writer.close()
    return answer


async def test_others_stream_while_a_long_text_is_read(
    port: int, engine: FakeEngine, stuck: threading.Event
) -> None:
    """64 streams end; the long one's request has reached the engine, and no byte has left; then its
    headers and its first event have the notice."""
    long = asyncio.create_task(ask(port, LONG))
    while not await asyncio.to_thread(engine.seen, "/v1/chat/completions"):
        await asyncio.sleep(0.01)
    others = await asyncio.gather(*(ask(port, "Hi.") for _ in range(STREAMS)))

    assert all(answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for answer in others)
    assert not long.done()
    stuck.set()
    head, _, events = (await long).partition(b"\r\n\r\n")
    assert b"x-mmhie-notices: MED101" in head
    assert b'"MED101"' in events.split(b"\n\n")[0]
    assert events.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


async def test_a_refusal_waits_for_them_too(port: int, stuck: threading.Event) -> None:
    """A model that is not served, and a long prompt: the error carries the notice."""
    refused = asyncio.create_task(ask(port, LONG, model="unknown"))
    await asyncio.gather(*(ask(port, "Hi.") for _ in range(4)))

    assert not refused.done()
    stuck.set()
    head, _, body = (await refused).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404")
    assert b"x-mmhie-notices: MED101" in head
    assert json.loads(body)["error"]["mmhie"]["notices"][0]["id"] == "MED101"
