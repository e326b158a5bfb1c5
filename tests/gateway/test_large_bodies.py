"""Large requests and answers: read in a thread, while others' tokens go on."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.services import Services
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import chat_request, post, served_app, until_ready


@pytest.fixture
async def gateway(engine: FakeEngine) -> AsyncIterator[tuple[int, Services]]:
    """A gateway of this loop that has seen its engine ready."""
    async with served_app(engine.url) as (port, app):
        await until_ready(port)
        yield port, app.state.services


LARGE = [
    ("/v1/chat/completions", chat_request(metadata={"note": "a" * HEAVY_BYTES})),
    ("/v1/chat/completions", chat_request(tools=[[]] * HEAVY_BYTES)),
    ("/llm/generate", {"prompt": "a " * HEAVY_BYTES}),
    ("/tokenize", {"note": "a" * HEAVY_BYTES}),
]


@pytest.mark.parametrize(("path", "body"), LARGE)
async def test_others_stream_while_a_large_body_is_read(
    gateway: tuple[int, Services], path: str, body: object
) -> None:
    """Nothing of a large body is read on the loop: while the thread for it is busy, it waits and
    nobody else does."""
    port, services = gateway
    released = threading.Event()
    stuck = asyncio.ensure_future(services.heavy.run(released.wait))
    large = asyncio.create_task(post(port, body, path))
    try:
        others = await asyncio.gather(*(post(port, chat_request()) for _ in range(8)))
        assert all(answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for answer in others)
        assert not large.done()
    finally:
        released.set()
        await stuck

    assert (await large).startswith(b"HTTP/1.1 ")
