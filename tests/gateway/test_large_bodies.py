"""Large requests and answers: read in a thread, while others' tokens go on."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.services import Services
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import served_app


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    started = FakeEngine().wait()
    yield started
    started.stop()


@pytest.fixture
async def gateway(engine: FakeEngine) -> AsyncIterator[tuple[int, Services]]:
    """A gateway of this loop that has seen its engine ready."""
    async with served_app(engine.url) as (port, app):
        while b" 200 OK" not in await ask(port, {"stream": True}):
            await asyncio.sleep(0.05)
        yield port, app.state.services


async def ask(port: int, more: object, path: str = "/v1/chat/completions") -> bytes:
    """The whole response to one request."""
    message = {"role": "user", "content": "Hi."}
    request = {"model": "fake-model", "messages": [message]}
    if path == "/llm/generate":
        request = {"prompt": "Hi."}
    body = json.dumps(request | dict(more)).encode()  # type: ignore[call-overload] # a dict
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}content-type: application/json\r\nconnection: close\r\n\r\n".encode())
    writer.write(body)
    answer = await reader.read()
    writer.close()
    return answer


LARGE = [
    ("/v1/chat/completions", {"metadata": {"note": "a" * HEAVY_BYTES}}),
    ("/v1/chat/completions", {"tools": [[]] * HEAVY_BYTES}),
    ("/llm/generate", {"prompt": "a " * HEAVY_BYTES}),
    ("/tokenize", {"note": "a" * HEAVY_BYTES}),
]


@pytest.mark.parametrize(("path", "more"), LARGE)
async def test_others_stream_while_a_large_body_is_read(
    gateway: tuple[int, Services], path: str, more: object
) -> None:
    """Nothing of a large body is read on the loop: while the thread for it is busy, it waits and
    nobody else does."""
    port, services = gateway
    released = threading.Event()
    stuck = asyncio.ensure_future(services.heavy.run(released.wait))
    large = asyncio.create_task(ask(port, more, path))
    try:
        others = await asyncio.gather(*(ask(port, {"stream": True}) for _ in range(8)))
        assert all(answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for answer in others)
        assert not large.done()
    finally:
        released.set()
        await stuck

    assert (await large).startswith(b"HTTP/1.1 ")
