"""The official openai Python client: sync, async, streams, helpers, errors, headers, cancel."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.contract.process import Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

MODEL = "fake-model"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi."}]
GREEDY: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "temperature": 0}
STREAMED: dict[str, Any] = {**GREEDY, "stream": True}
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "dose", "parameters": {"type": "object", "properties": {}}},
}


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


def text_of(client: OpenAI) -> Any:
    """The answer to the standard question."""
    return client.chat.completions.create(**GREEDY).choices[0].message.content


def test_chat(client: OpenAI) -> None:
    """Text, usage and the disclaimer."""
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=5)

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 5
    assert mmhie(answer)["disclaimer"]["text"] == TEXT
    assert mmhie(answer)["truncated"] == "in_answer"


def test_chat_stream(client: OpenAI) -> None:
    """Deltas add up to the answer; first and finishing chunk carry the extra key."""
    chunks = list(client.chat.completions.create(**STREAMED))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text_of(client)
    assert [
        place for place, chunk in enumerate(chunks) if "mmhie" in (chunk.model_extra or {})
    ] == [0, len(chunks) - 1]
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_helper(client: OpenAI) -> None:
    """`.stream()` gathers the answer itself."""
    with client.chat.completions.stream(**GREEDY) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()

    assert "".join(deltas) == final.choices[0].message.content == text_of(client)
    assert mmhie(final)["disclaimer"]["text"] == TEXT


def test_completions(client: OpenAI) -> None:
    """The older API, whole and streamed."""
    asked: dict[str, Any] = {"model": MODEL, "prompt": "Say hi.", "temperature": 0}
    answer = client.completions.create(**asked)
    stream = client.completions.create(**asked, stream=True)

    assert "".join(chunk.choices[0].text for chunk in stream) == answer.choices[0].text
    assert mmhie(answer)["disclaimer"]["text"] == TEXT


def test_responses(client: OpenAI) -> None:
    """The newer API, whole, streamed and through its helper."""
    asked: dict[str, Any] = {"model": MODEL, "input": "Say hi.", "temperature": 0}
    answer = client.responses.create(**asked)
    events = list(client.responses.create(**asked, stream=True))
    with client.responses.stream(**asked) as stream:
        helped = stream.get_final_response()

    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == answer.output_text == helped.output_text
    assert mmhie(answer)["disclaimer"]["text"] == TEXT
    assert mmhie(helped)["disclaimer"]["text"] == TEXT


def test_models(client: OpenAI) -> None:
    """The client lists the models and retrieves one."""
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


async def test_async_chat(async_client: AsyncOpenAI) -> None:
    """Whole, streamed and gathered by the helper, it says the same."""
    chat = async_client.chat.completions
    answer = await chat.create(**GREEDY)
    text = [chunk.choices[0].delta.content or "" async for chunk in await chat.create(**STREAMED)]
    async with chat.stream(**GREEDY) as stream:
        final = await stream.get_final_completion()

    assert "".join(text) == answer.choices[0].message.content == final.choices[0].message.content
    assert mmhie(answer)["disclaimer"]["text"] == mmhie(final)["disclaimer"]["text"] == TEXT


def test_tools(client: OpenAI) -> None:
    """A tool call is parsed, whole and in deltas."""
    asked: dict[str, Any] = {**GREEDY, "tools": [TOOL], "tool_choice": "required"}
    answer = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()

    for message in (answer, streamed):
        calls = message.choices[0].message.tool_calls
        assert calls
        assert (calls[0].function.name, calls[0].function.arguments) == (
            "dose",
            '{"drug": "aspirin"}',
        )
        assert mmhie(message)["disclaimer"]["text"] == TEXT


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


def helped(client: OpenAI) -> None:
    with client.chat.completions.stream(**GREEDY) as stream:
        stream.get_final_completion()


WAYS: dict[str, Callable[[OpenAI], object]] = {
    "chunks": lambda client: list(client.chat.completions.create(**STREAMED)),
    "helper": helped,
    "responses": lambda client: list(
        client.responses.create(model=MODEL, input="Say hi.", stream=True)
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_failing_engine_raises(client: OpenAI, engine: FakeEngine, way: str) -> None:
    """A status before the first byte; half an answer never looks whole. The client gets over a 503
    by itself where it may retry."""
    engine.next(fault="status", status=503)
    with pytest.raises(openai.InternalServerError) as failed:
        WAYS[way](client)
    assert failed.value.status_code == 503
    engine.next(fault="cut")
    with pytest.raises(openai.APIError) as broken:
        WAYS[way](client)
    assert broken.value.code
    engine.next(fault="status", status=503)
    WAYS[way](client.with_options(max_retries=openai.DEFAULT_MAX_RETRIES))


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
