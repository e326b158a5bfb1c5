"""The timeout of a stream on every surface, with a clock that the test sets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.contract.surfaces import STREAMS, Surface, name_of
from tests.fake_engine.process import FakeEngine
from tests.faults.matrix import TIMEOUT
from tests.faults.observing import in_band
from tests.gateway.served import served
from tests.waiting import LoopClock

LIMIT_S = 100
WORDS = [f" word{number}" for number in range(5)]
EACH_STREAM = pytest.mark.parametrize("surface", STREAMS, ids=name_of)


class Stream:
    """An answer whose words wait at the engine until the test releases them."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.content = b""
        self._parts = answer.aiter_raw()

    async def until(self, word: str) -> None:
        """Read until a word has arrived."""
        while word.strip().encode() not in self.content:
            self.content += await anext(self._parts)

    async def whole(self) -> httpx2.Response:
        """Read until the end."""
        self.content += b"".join([part async for part in self._parts])
        return httpx2.Response(200, headers=self.answer.headers, content=self.content)


@contextlib.asynccontextmanager
async def opened(engine: FakeEngine, surface: Surface) -> AsyncIterator[Stream]:
    """Open a stream through a gateway in this loop."""
    body = surface.body(**surface.limit(len(WORDS)))
    async with (
        served(engine.url, timeout_seconds=LIMIT_S) as (port, _),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client,
    ):
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.05)
        engine.next({"fault": "gated"}, {"fault": "say", "tokens": WORDS})
        async with client.stream(
            "POST", surface.path, json=body, headers=surface.headers
        ) as answer:
            assert answer.status_code == 200
            yield Stream(answer)


@EACH_STREAM
async def test_a_stream_has_no_total(engine: FakeEngine, surface: Surface) -> None:
    """It may last three times the limit if it is never silent for that long."""
    clock = LoopClock()
    async with opened(engine, surface) as stream:
        for word in WORDS:
            await stream.until(word)
            await clock.forward(0.6 * LIMIT_S)
            engine.release()
        answer = await stream.whole()

    assert b'"error"' not in answer.content
    assert b"[interrupted: " not in answer.content


@EACH_STREAM
async def test_a_stream_that_falls_silent(engine: FakeEngine, surface: Surface) -> None:
    """After the idle timeout there is an error event, and the engine's work is aborted."""
    clock = LoopClock()
    async with opened(engine, surface) as stream:
        await stream.until(WORDS[0])
        await clock.forward(1.1 * LIMIT_S)
        code = in_band(surface, await stream.whole())

    assert code == ("" if surface.form == "text" else TIMEOUT)
    engine.until(lambda stats: not stats["running"] and stats["aborted"] == stats["generations"])
