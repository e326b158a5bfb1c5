"""/llm/generate in its three forms, and what it asks of the engine."""

import json
from typing import Any

import httpx2
import pytest

from tests.contract.fixtures import Shared, Start, StartEngine
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    CHAT,
    COMPLETIONS,
    GENERATE,
    JSON,
    SSE,
    TEXT,
    Surface,
    error_of,
    events,
    refusal_of,
)
from tests.fake_engine.process import FakeEngine

FIELDS = {
    *("text", "model", "finish_reason", "truncated", "usage", "disclaimer", "warnings", "notices"),
    *("request_id", "mmhie"),
}


def direct_text(engine: FakeEngine, **more: Any) -> str:
    """Return the engine's own text for the chat the gateway sent last."""
    body = {**engine.body(), "stream": False, **more}
    body.pop("stream_options", None)
    answer = httpx2.post(engine.url + CHAT, json=body, trust_env=False).json()
    return str(answer["choices"][0]["message"]["content"])


def test_the_three_forms_are_one_answer(gateway: Gateway, engine: FakeEngine) -> None:
    """The documented fields and no others; deltas, one event with the rest and [DONE]; or the text,
    the disclaimer and whom to call. The text is the engine's."""
    answer = JSON.ask(gateway.client)
    whole = answer.json()
    expected = direct_text(engine)
    *deltas, last, done = events(SSE.ask(gateway.client).content)
    text, note = TEXT.ask(gateway.client).text, whole["mmhie"]["emergency_note"]

    assert whole.keys() == FIELDS
    assert (whole["text"], whole["request_id"]) == (expected, answer.headers["x-request-id"])
    assert (whole["model"], whole["finish_reason"]) == ("fake-model", "stop")
    assert whole["truncated"] is None
    assert whole["usage"]["completion_tokens"] == 24
    assert whole["usage"]["total_tokens"] == whole["usage"]["prompt_tokens"] + 24
    assert [delta.keys() for delta in deltas] == [{"delta"}] * 24
    assert "".join(delta["delta"] for delta in deltas) == expected
    assert last.keys() == FIELDS - {"text"}
    assert (last["usage"], done) == (whole["usage"], "[DONE]")
    assert text.rstrip("\n") == f"{expected}\n\n{whole['disclaimer']}\n{note}"


def test_a_prompt_goes_on_with_its_history(gateway: Gateway, engine: FakeEngine) -> None:
    """The engine has the turns in their order; notices are about the user's, and digests cover
    them."""
    emergency = "My father has crushing chest pain right now, what should I do?"
    turns = [{"role": "user", "content": emergency}, {"role": "assistant", "content": "Call."}]
    alone = JSON.ask(gateway.client, "And then?").json()
    answer = JSON.ask(gateway.client, "And then?", history=turns).json()

    last = {"role": "user", "content": "And then?"}
    assert engine.body()["messages"][-3:] == [*turns, last]
    assert (alone["notices"], answer["notices"][0]["id"]) == ([], "MED101")
    digests = {reply["mmhie"]["provenance"]["prompt_digest"] for reply in (alone, answer)}
    assert len(digests) == 2


@pytest.mark.parametrize("surface", [JSON, SSE], ids=["json", "sse"])
def test_a_cut_off_answer_says_so(gateway: Gateway, surface: Surface) -> None:
    """finish_reason length is `truncated: in_answer`, never silent."""
    answer = surface.ask(gateway.client, max_tokens=3)
    last = answer.json() if surface is JSON else events(answer.content)[-2]

    assert last["finish_reason"] == "length"
    assert last["truncated"] == "in_answer"
    assert last["usage"]["completion_tokens"] == 3


def test_a_red_flag_does_not_wait_for_the_end_of_a_stream(
    gateway: Gateway, engine: FakeEngine
) -> None:
    """The first event carries the notices, be it text or reasoning; the last one as ever."""
    engine.next(fault="reasoning")
    asked = SSE.ask(gateway.client, "Crushing chest pain right now!", include_reasoning=True)
    first, *between, last, _ = events(asked.content)

    assert first.keys() == {"reasoning_delta", "notices"}
    assert first["notices"] == last["notices"]
    assert first["notices"][0]["type"] == "emergency"
    assert all("notices" not in event for event in between)


def test_what_the_engine_is_asked(start: Start, engine: FakeEngine) -> None:
    """Two messages, the authors' system message first, greedy and at most 512 tokens where nothing
    reasons; what the caller chose in their place, by the engine's names. Zero is a choice."""
    gateway = start(engine.url).wait()
    chosen: dict[str, Any] = {"max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 0}
    chosen |= {"stop": ["zzz"], "reasoning_effort": "high"}
    JSON.ask(gateway.client, "Why?")
    plain = engine.body()
    JSON.ask(gateway.client, system="Be brief.", **chosen)

    assert [message["role"] for message in plain["messages"]] == ["system", "user"]
    assert plain["messages"][0]["content"].startswith("You are a medical reasoning assistant")
    assert plain["messages"][1]["content"] == "Why?"
    assert (plain["temperature"], plain["max_tokens"]) == (0, 512)
    assert chosen.items() <= engine.body().items()
    assert engine.body()["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_model_without_a_template_goes_through_completions(
    start: Start, start_engine: StartEngine
) -> None:
    """A chat refused with 400 is still answered, in all three forms."""
    engine = start_engine("--no-chat-template")
    gateway = start(engine.url).wait()

    for surface in (JSON, SSE, TEXT):
        assert surface.ask(gateway.client, "Why?").status_code == 200
    assert len(engine.seen(COMPLETIONS)) == 3
    assert not engine.seen(CHAT)
    assert engine.body(COMPLETIONS)["prompt"].endswith("Why?")


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_long_prompt_is_cut_where_that_is_configured(
    gateway_with: Shared, engine: FakeEngine, side: str
) -> None:
    """And the answer says that it was."""
    gateway = gateway_with(MMHIE_MAX_INPUT_LENGTH="50", MMHIE_TRUNCATE=side)
    answer = gateway.client.post(GENERATE, json={"prompt": "word " * 300})

    assert answer.status_code == 200, answer.text
    assert answer.json()["truncated"] == "input"
    assert answer.json()["warnings"]


def test_reasoning_never_mixes_into_the_answer(gateway: Gateway, engine: FakeEngine) -> None:
    """It is left out, or a field of its own for those who ask."""
    engine.next(fault="reasoning", times=3)
    plain = JSON.ask(gateway.client).json()
    asked = JSON.ask(gateway.client, include_reasoning=True).json()
    stream = events(SSE.ask(gateway.client, include_reasoning=True).content)

    assert "The question is about" not in json.dumps(plain)
    assert asked["reasoning"].startswith("The question is about")
    assert asked["text"] == plain["text"]
    thought = "".join(event.get("reasoning_delta", "") for event in stream[:-2])
    assert thought == asked["reasoning"]
    assert "".join(event.get("delta", "") for event in stream[:-2]) == plain["text"]


@pytest.mark.parametrize("fault", ["null_content", "reasoning_only"])
def test_an_empty_answer_is_never_returned_as_one(
    gateway: Gateway, engine: FakeEngine, fault: str
) -> None:
    """Tokens were spent and there is no text: an error that says so, in a stream its last event."""
    engine.next(fault=fault, times=2)
    answer, stream = (surface.ask(gateway.client) for surface in (JSON, SSE))

    assert refusal_of(answer) == (502, "no_answer")
    is_stream = stream.status_code == 200
    error = events(stream.content)[-2]["error"] if is_stream else error_of(stream)
    assert error["code"] == "no_answer"


@pytest.mark.parametrize(
    "tokens",
    [
        ["\nline\u2028sep", "\u0085", "\r\n", "\n\n", "data: x\n\n", " end "],
        ["über", " 🩺", "\u0000", '"quoted"', "\\"],
        ["</script>", "&amp;", "\u00e9"],
    ],
)
def test_any_text_survives(gateway: Gateway, engine: FakeEngine, tokens: list[str]) -> None:
    """Line separators, control characters and quotes come out as they went in."""
    engine.next(fault="say", tokens=tokens, times=3)
    whole, stream, text = (surface.ask(gateway.client) for surface in (JSON, SSE, TEXT))

    assert whole.json()["text"] == "".join(tokens)
    assert "".join(event["delta"] for event in events(stream.content)[:-2]) == "".join(tokens)
    assert text.content.decode().startswith("".join(tokens))
