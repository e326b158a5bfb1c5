"""Large requests and long prompts are read in a thread or in steps, while other streams go on."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest

from gateway.engine.client import EngineRequest, EngineResponse
from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.safety.red_flags import screening
from gateway.safety.red_flags.detection import RedFlags, Steps, step
from gateway.services import Services
from tests.fake_engine.process import FakeEngine
from tests.gateway.peer import Peer, always
from tests.gateway.served import chat_request, post, served, until_ready


@pytest.fixture
async def gateway(engine: FakeEngine) -> AsyncIterator[tuple[int, Services]]:
    """A gateway in this loop that has probed its engine."""
    async with served(engine.url) as (port, server):
        await until_ready(port)
        yield port, server.app.state.services


LARGE = [
    ("/v1/chat/completions", chat_request(metadata={"note": "a" * HEAVY_BYTES})),
    ("/llm/generate", {"prompt": "a " * HEAVY_BYTES}),
    ("/tokenize", {"note": "a" * HEAVY_BYTES}),
]


@pytest.mark.parametrize(("path", "body"), LARGE)
async def test_others_stream_while_a_large_body_is_read(
    gateway: tuple[int, Services], path: str, body: object
) -> None:
    """While the thread for large bodies is busy, other requests do not wait."""
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


async def test_a_large_listing_takes_little_time() -> None:
    """The models are listed on the event loop; processor time, the engine's included."""
    listing = orjson.dumps({"data": [{"id": "m", "aliases": ["a"] * 140_000}]})
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(listing), listing)
    spent: list[float] = []
    async with (
        Peer(always(answer)) as peer,
        served(peer.url) as (port, _),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as caller,
    ):
        while len(spent) < 5:
            began = time.thread_time()
            status = (await caller.get("/v1/models")).status_code
            spent += [time.thread_time() - began] * (status == 200)

    assert min(spent) < 0.1


async def test_a_text_takes_memory_until_it_is_read(
    gateway: tuple[int, Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget counts the request and, while the engine is asked, the text as well."""
    port, services = gateway
    text = "The weather was fine that day. " * 30_000
    asked: list[int] = []
    open_ = services.engine.open

    async def watch(request: EngineRequest) -> EngineResponse:
        asked.append(services.memory.held_bytes)
        return await open_(request)

    def step_once_asked(steps: Steps) -> RedFlags | None:
        return step(steps) if asked else None

    monkeypatch.setattr(services.engine, "open", watch)
    monkeypatch.setattr(screening, "step", step_once_asked)
    await post(port, chat_request(text))

    # the request, its copy for the socket, and the text
    assert max(asked) >= 3 * len(text)
    assert services.memory.held_bytes == 0
