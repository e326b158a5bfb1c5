"""The official openai Python client: sync, async, streams, helpers, errors, headers, cancel."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.contract.process import Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

MODEL = "fake-model"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi."}]
GREEDY: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "temperature": 0}
Way = Callable[[OpenAI], Any]
STREAMED: dict[str, Any] = {**GREEDY, "stream": True}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    """Client without retries: the test sees each response of the gateway."""
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0) as opened:
        yield opened


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """The same for asyncio."""
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0) as opened:
        yield opened


def mmhie(answer: Any) -> dict[str, Any]:
    """The extra key, readable where the client keeps unknown ones."""
    return dict(answer.model_extra["mmhie"])


def helped(client: OpenAI) -> Any:
    with client.chat.completions.stream(**GREEDY) as stream:
        return stream.get_final_completion()


def chunks(client: OpenAI) -> Any:
    return list(client.chat.completions.create(**STREAMED))


def events(client: OpenAI) -> Any:
    return list(client.responses.create(model=MODEL, input="Say hi.", stream=True))


def test_chat(client: OpenAI) -> None:
    """Whole, in chunks and by the helper it says the same; the first and the finishing chunk carry
    the extra key."""
    answer = client.chat.completions.create(**GREEDY)
    final, pieces = helped(client), chunks(client)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in pieces)
    assert text == answer.choices[0].message.content == final.choices[0].message.content
    assert mmhie(answer)["disclaimer"]["text"] == mmhie(final)["disclaimer"]["text"] == TEXT
    labelled = [at for at, chunk in enumerate(pieces) if "mmhie" in (chunk.model_extra or {})]
    assert labelled == [0, len(pieces) - 1]
    assert all(chunk.usage is None for chunk in pieces)


def test_the_other_apis(client: OpenAI) -> None:
    """The older one and the newer one, whole, streamed and by its helper."""
    asked: dict[str, Any] = {"model": MODEL, "prompt": "Say hi.", "temperature": 0}
    older = client.completions.create(**asked)
    stream = client.completions.create(**asked, stream=True)
    newer = client.responses.create(model=MODEL, input="Say hi.")
    with client.responses.stream(model=MODEL, input="Say hi.") as opened:
        final = opened.get_final_response()

    assert "".join(chunk.choices[0].text for chunk in stream) == older.choices[0].text
    deltas = [event.delta for event in events(client) if event.type == "response.output_text.delta"]
    assert "".join(deltas) == newer.output_text == final.output_text
    for answer in (older, newer, final):
        assert mmhie(answer)["disclaimer"]["text"] == TEXT


@pytest.mark.parametrize("more", [{}, {"stream": True}])
def test_a_refusal_is_the_clients_own_error(client: OpenAI, more: dict[str, Any]) -> None:
    """An unknown model has our code and a request id, the engine's refusal its words."""
    create: Any = client.chat.completions.create
    with pytest.raises(openai.NotFoundError) as unknown:
        create(**{**GREEDY, **more, "model": "nope"})
    assert unknown.value.code == "model_not_found"
    assert unknown.value.request_id
    with pytest.raises(openai.BadRequestError, match="temperature must be non-negative"):
        create(**{**GREEDY, **more, "temperature": -1})


@pytest.mark.parametrize("way", [chunks, helped, events])
def test_a_failing_engine_raises(client: OpenAI, engine: FakeEngine, way: Way) -> None:
    """A status before the first byte; half an answer never looks whole. The client gets over a 503
    by itself where it may retry."""
    engine.next(fault="status", status=503)
    with pytest.raises(openai.InternalServerError) as failed:
        way(client)
    assert failed.value.status_code == 503
    engine.next(fault="cut")
    with pytest.raises(openai.APIError) as broken:
        way(client)
    assert broken.value.code
    engine.next(fault="status", status=503)
    way(client.with_options(max_retries=openai.DEFAULT_MAX_RETRIES))


async def test_leaving_a_stream_frees_the_engine(
    async_client: AsyncOpenAI, engine: FakeEngine
) -> None:
    """Closing it on the client's side ends the work on the other; so does half an answer raise."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    stream = await async_client.chat.completions.create(**STREAMED)
    await anext(stream)
    await stream.close()
    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)
    engine.next(fault="cut")
    with pytest.raises(openai.APIError):
        [chunk async for chunk in await async_client.chat.completions.create(**STREAMED)]
