"""The official anthropic Python client: whole, streamed, structured, tools, errors, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.process import Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine
from tests.lazy import Lazy

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import MessageParam, ToolParam
else:
    anthropic = Lazy("anthropic")

MODEL = "fake-model"
MESSAGES: list[MessageParam] = [{"role": "user", "content": "Say hi."}]
TOOL: ToolParam = {"name": "dose", "input_schema": {"type": "object", "properties": {}}}
ASKED: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "max_tokens": 100}
FORCED: dict[str, Any] = {**ASKED, "tools": [TOOL], "tool_choice": {"type": "any"}}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    """Client without retries: the test sees each response of the gateway."""
    with anthropic.Anthropic(base_url=gateway.url, api_key="any", max_retries=0) as opened:
        yield opened


def text_of(client: anthropic.Anthropic) -> str:
    """The answer to the standard question."""
    block = client.messages.create(**ASKED).content[0]
    assert block.type == "text"
    return str(block.text)


def test_whole(client: anthropic.Anthropic) -> None:
    """Text, usage, the disclaimer, and the request id where the client keeps its own."""
    answer: Any = client.messages.create(**{**ASKED, "max_tokens": 5})

    assert answer.content[0].text
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 5
    assert answer.mmhie["disclaimer"]["text"] == TEXT
    assert answer.mmhie["truncated"] == "in_answer"
    assert answer._request_id == answer.mmhie["provenance"]["request_id"]


def test_stream_helper(client: anthropic.Anthropic) -> None:
    """`.stream()` gathers the answer; its final message has the first part of the label."""
    with client.messages.stream(**ASKED) as stream:
        text = "".join(stream.text_stream)
        final: Any = stream.get_final_message()

    assert text == final.content[0].text == text_of(client)
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 24
    assert final.mmhie["disclaimer"]["text"] == TEXT
    assert final.mmhie["provenance"]["prompt_digest"]


def test_tools(client: anthropic.Anthropic) -> None:
    """A tool call is parsed, whole and in deltas; its result can be sent back."""
    whole: Any = client.messages.create(**FORCED)
    with client.messages.stream(**FORCED) as stream:
        streamed: Any = stream.get_final_message()

    for answer in (whole, streamed):
        assert answer.stop_reason == "tool_use"
        assert answer.content[0].name == "dose"
        assert answer.content[0].input == {"drug": "aspirin"}
        assert answer.mmhie["disclaimer"]["text"] == TEXT
    call = whole.content[0]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "400 mg"}
    turns = [*MESSAGES, {"role": "assistant", "content": [call]}]
    told = [*turns, {"role": "user", "content": [result]}]
    assert client.messages.create(**{**ASKED, "messages": told}).content


def test_a_failing_engine_raises(client: anthropic.Anthropic, engine: FakeEngine) -> None:
    """A status before the first byte, in Anthropic's form; half an answer never looks whole."""
    with pytest.raises(anthropic.NotFoundError) as unknown:
        client.messages.create(**{**ASKED, "model": "nope"})
    body: Any = unknown.value.body
    assert body["error"]["type"] == "not_found_error"
    assert unknown.value.request_id == body["request_id"]
    engine.next(fault="status", status=503)
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**ASKED)
    for gather in (gathered, listed):
        engine.next(fault="cut")
        with pytest.raises(anthropic.APIStatusError):
            gather(client)


def gathered(client: anthropic.Anthropic) -> object:
    with client.messages.stream(**ASKED) as stream:
        return stream.get_final_message()


def listed(client: anthropic.Anthropic) -> object:
    return list(client.messages.create(**ASKED, stream=True))


def test_the_rest_of_the_api(client: anthropic.Anthropic) -> None:
    """Tokens of the prompt with the template's; a listing with the model; the beta path's query."""
    assert client.messages.count_tokens(model=MODEL, messages=MESSAGES).input_tokens > 2
    assert client.models.list().data[0].id == MODEL
    assert client.beta.messages.create(**ASKED).content
