"""Screening of long prompts: beside the engine's work, before the first byte."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from gateway.safety.prompt_screening import LONG_TEXT
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import chat_request, post, served, until_ready

STREAMS = 64
EMERGENCY = "I have crushing chest pain and I am sweating."
LONG = "The weather was fine that day. " * (LONG_TEXT // 20) + EMERGENCY


@pytest.fixture
async def port(engine: FakeEngine) -> AsyncIterator[int]:
    """A gateway of this loop that has seen its engine ready."""
    async with served(engine.url) as opened:
        await until_ready(opened)
        yield opened


async def test_others_stream_while_a_long_text_is_read(port: int) -> None:
    """Many streams end well while texts of a megabyte are read, and these have their notices in
    headers and first event."""
    longest = "The weather was fine that day. " * 30_000 + EMERGENCY
    long = [asyncio.create_task(post(port, chat_request(longest))) for _ in range(3)]
    others = await asyncio.gather(*(post(port, chat_request()) for _ in range(STREAMS)))

    assert all(answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for answer in others)
    for answer in await asyncio.gather(*long):
        head, _, events = answer.partition(b"\r\n\r\n")
        assert b"x-mmhie-notices: MED101" in head
        assert b'"MED101"' in events.split(b"\n\n")[0]


async def test_a_refusal_waits_for_them_too(port: int) -> None:
    """A model that is not served, and a long prompt: the error carries the notice."""
    head, _, body = (await post(port, chat_request(LONG, model="unknown"))).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 404")
    assert b"x-mmhie-notices: MED101" in head
    assert json.loads(body)["error"]["mmhie"]["notices"][0]["id"] == "MED101"
