"""Questions and whole answers, through both clients."""

import asyncio
import dataclasses
import gc
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mmhie
import pytest
from mmhie import AsyncMedicalReasoningLLM, LLMConfig

from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import (
    CHAT_ANSWER,
    DISCLAIMER,
    JSON_ANSWER,
    NOTES,
    drop,
    hang,
    reply,
)

CANARY = "canary-7f3a"
TURNS = [{"role": "user", "content": CANARY}]


DETAILED = mmhie.Answer(
    text="Rest and fluids.",
    reasoning="Common cold.",
    disclaimer=DISCLAIMER,
    notices=tuple(NOTES["notices"]),
    warnings=("input_truncated",),
    truncated=None,
    finish_reason="stop",
    usage=mmhie.Usage(7, 5, 12, 2),
    provenance=NOTES["provenance"],
    request_id="req-1",
    model="served/model",
)


def chat_answer(finish_reason: str = "stop", **message: Any) -> Mapping[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {**CHAT_ANSWER, "choices": [choice]}


def test_generate_returns_the_text(serve: Serve, connect_both: Connect) -> None:
    """The original signature, and fields beyond it, in the request it makes."""
    server = serve(reply(JSON_ANSWER))
    client = connect_both(server.url, api_key="Secret")
    options = {"seed": 3, "system": "Be brief.", "stop": ["."]}
    sent = {"prompt": "How?", "stream": False}

    assert client.generate("How?") == client.generate("How?", 9, 0.5, **options)
    first, second = server.calls
    assert (first.path, first.headers["authorization"]) == ("/llm/generate", "Bearer Secret")
    assert first.json() == {**sent, "max_tokens": 512, "temperature": 0.0}
    assert second.json() == {**sent, "max_tokens": 9, "temperature": 0.5, **options}


def test_max_tokens_over_the_maximum_is_lowered_with_a_warning(
    serve: Serve, connect: Connect
) -> None:
    """Once, at the caller's line, however deep the call: a silent cut looks like a short answer."""
    server = serve(reply(JSON_ANSWER))
    client = connect(server.url, max_tokens=100)

    with pytest.warns(UserWarning, match="max_tokens=9999 is lowered to 100") as caught:
        client.generate_detailed("How?", 9999)

    assert server.calls[0].json()["max_tokens"] == 100
    assert len(caught) == 1
    assert "sdk/mmhie" not in caught[0].filename


@pytest.mark.parametrize("text", [" \n", None])
def test_an_empty_answer_is_an_error(serve: Serve, connect: Connect, text: str | None) -> None:
    """Nothing is never returned as if it were an answer."""
    client = connect(serve(reply({**JSON_ANSWER, "text": text})).url)

    with pytest.raises(mmhie.IncompleteAnswerError):
        client.generate("How?")


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("generate", {**JSON_ANSWER, "text": "", "reasoning": "Hm.", "truncated": "in_reasoning"}),
        ("chat", chat_answer("length", content=None, reasoning="Hm.")),
    ],
)
def test_reasoning_alone_is_no_answer(
    serve: Serve, connect: Connect, method: str, body: Mapping[str, Any]
) -> None:
    """Cut off before the answer began: an error with a remedy, though reasoning was asked for."""
    client = connect(serve(reply(body)).url)
    asked = TURNS if method == "chat" else "How?"

    with pytest.raises(mmhie.IncompleteAnswerError, match="raise max_tokens"):
        getattr(client, method)(asked, include_reasoning=True)


def test_chat_asks_the_model_that_is_served(serve: Serve, connect_both: Connect) -> None:
    """Requests that name no model are allowed."""
    server = serve(reply(CHAT_ANSWER))
    client = connect_both(server.url)

    detailed = client.chat_detailed(TURNS)
    assert detailed == dataclasses.replace(DETAILED, text="Hello.", reasoning="Greet.")
    assert client.chat(TURNS, max_tokens=256) == "Hello."
    assert server.calls[1].path == "/v1/chat/completions"
    assert server.calls[1].json() == {
        "messages": TURNS,
        "max_tokens": 256,
        "temperature": 0.0,
    }


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[" * 100_000, {}),
        (b'{"choices": []}', {}),
        (b"no gzip", {"content_encoding": "gzip"}),  # of a proxy that compresses badly
    ],
)
def test_what_is_not_the_protocol_is_an_error(
    serve: Serve, connect: Connect, body: bytes, headers: dict[str, Any]
) -> None:
    """A 200 of something else is no answer."""
    client = connect(serve(reply(body, **headers)).url)

    with pytest.raises(mmhie.UnavailableError) as caught:
        client.chat(TURNS)
    assert caught.value.code == "bad_answer"


def test_a_unix_socket_is_an_address(serve: Serve, connect_both: Connect, tmp_path: Path) -> None:
    """unix:/path reaches a server without a port."""
    server = serve(reply(JSON_ANSWER), socket_path=str(tmp_path / "s"))

    assert connect_both(server.url).generate("How?") == "Rest and fluids."


def test_a_proxy_never_sees_loopback_traffic(
    serve: Serve, connect_both: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY must not carry patient text away from a server on this machine."""
    proxy, server = serve(reply({**JSON_ANSWER, "text": "proxied"})), serve(reply(JSON_ANSWER))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)

    assert connect_both(server.url).generate("How?") == "Rest and fluids."
    assert proxy.requests == []


def test_a_server_elsewhere_is_reached_through_the_proxy(
    serve: Serve, connect_both: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hospital's own proxy settings hold for servers on other machines."""
    proxy = serve(reply(JSON_ANSWER))
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert connect_both("http://model.invalid/api/").generate("How?") == "Rest and fluids."
    assert proxy.calls[0].path == "http://model.invalid/api/llm/generate"


def test_a_lost_connection_is_not_retried(serve: Serve, connect_both: Connect) -> None:
    """The server may have done the work, so it is not asked to do it twice."""
    server = serve(drop, reply(JSON_ANSWER))

    with pytest.raises(mmhie.ConnectionFailedError):
        connect_both(server.url).generate("How?")

    assert len(server.calls) == 1


def test_a_silent_server_is_a_timeout(serve: Serve, connect_both: Connect) -> None:
    """A TimeoutError as before; the server sees us leave."""
    server = serve(hang)
    client = connect_both(server.url, timeout_seconds=1)
    began = time.monotonic()

    with pytest.raises(TimeoutError) as caught:
        client.generate(CANARY)

    assert isinstance(caught.value, mmhie.ServiceTimeoutError)
    assert time.monotonic() - began > 0.9
    server.until_left()
    assert len(server.calls) == 1


def test_one_async_client_serves_many_loops(serve: Serve) -> None:
    """asyncio.run may be called again: each loop has its own connections."""
    server = serve(reply(JSON_ANSWER))
    client = AsyncMedicalReasoningLLM(LLMConfig(url=server.url))

    async def ask() -> list[str]:
        async with client:
            return await asyncio.gather(*(client.generate("How?") for _ in range(8)))

    assert asyncio.run(ask()) + asyncio.run(ask()) == ["Rest and fluids."] * 16


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # what is left open is the case
def test_loops_that_end_unclosed_are_let_go(serve: Serve) -> None:
    """A worker that calls asyncio.run for each of its tasks would run out of sockets."""
    server = serve(reply(JSON_ANSWER))
    client = AsyncMedicalReasoningLLM(LLMConfig(url=server.url))
    loops = weakref.WeakSet[asyncio.AbstractEventLoop]()

    async def ask(*, closing: bool = False) -> None:
        loops.add(asyncio.get_running_loop())
        await client.generate("How?")
        if closing:
            await client.aclose()

    for _ in range(4):
        asyncio.run(ask())
    asyncio.run(ask(closing=True))
    gc.collect()

    assert len(loops) == 0


def test_a_cancelled_task_hangs_up(serve: Serve) -> None:
    """Cancelling the task of a question cancels the question."""
    server = serve(hang)

    async def ask_and_leave() -> None:
        async with AsyncMedicalReasoningLLM(LLMConfig(url=server.url)) as client:
            task = asyncio.create_task(client.generate("How?"))
            while not server.calls:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(ask_and_leave())

    server.until_left()
