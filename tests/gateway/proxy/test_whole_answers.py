"""Whole answers of the three APIs: one key more at the end, the output policy, or a named error."""

import json
from typing import Any

import pytest

from gateway.api.paths import MESSAGES, RESPONSES
from gateway.errors import EngineGarbled, EngineRejected
from gateway.proxy import json_response, responses_output
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.safety.labels import keyed_digest, new_digest
from gateway.safety.placement import Surroundings

FIRST = {"disclaimer": {"text": "Not advice."}, "provenance": {"request_id": "id-1"}}
CHAT = "/v1/chat/completions"
THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}
CALL = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": "<|end|>"}}
AROUND = OutputPolicy(around=Surroundings("Mind: ", " Ask."))
HIDE = OutputPolicy(hides_reasoning=True)


def labelled(
    answer: object, path: str = CHAT, policy: OutputPolicy = PLAIN
) -> tuple[dict[str, Any], Any, Any]:
    """Return the parsed body, the closing half of the label and the usage."""
    sent = json.dumps(answer).encode()
    body, final, usage = json_response.label(sent, FIRST, path=path, policy=policy)
    return json.loads(body), final, usage


def choice(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"content": content, **message}, "finish_reason": finish}


def chat(*choices: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [*choices], **more}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def message(*blocks: Any, reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    return {"type": "message", "content": list(blocks), "stop_reason": reason, **more}


def response(*items: Any, **more: Any) -> dict[str, Any]:
    return {"status": "completed", "output": [*items]} | more


def spoken(*texts: str | None) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text} for text in texts]}


REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"text": "Because."}]}
FUNCTION = {"type": "function_call", "name": "f", "arguments": "<|end|>"}
CUT_OFF = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def test_cached_tokens_of_a_message_are_tokens_of_its_prompt() -> None:
    """Anthropic's API counts them apart."""
    usage = {"input_tokens": 2, "cache_read_input_tokens": 16, "output_tokens": 4}
    body, final, counted = labelled(message(text("a"), usage=usage), MESSAGES)

    assert list(body)[-1] == "mmhie"
    assert final["provenance"]["output_digest"] == keyed_digest(b"", "a")
    assert counted == {"input_tokens": 18, "output_tokens": 4}
    assert labelled(message(text("a")), MESSAGES)[2] is None


@pytest.mark.parametrize(
    ("path", "answer", "truncated", "warnings"),
    [
        (CHAT, chat(choice("a"), choice("b", "length")), "in_answer", []),
        (CHAT, chat(choice("a"), choice(None)), None, ["empty_answer"]),
        (CHAT, chat(choice(None, "length", reasoning="h")), "in_reasoning", ["reasoning_only"]),
        (CHAT, chat(choice(None, "tool_calls", tool_calls=[{}])), None, []),
        (CHAT, chat({"index": 0, "text": "a", "finish_reason": "stop"}), None, []),
        (RESPONSES, response(spoken("a", None)), None, []),
        (RESPONSES, response(REASONING, **CUT_OFF), "in_reasoning", ["reasoning_only"]),
        (RESPONSES, response(FUNCTION, **CUT_OFF), "in_answer", []),
        (MESSAGES, message(text("a"), reason="max_tokens"), "in_answer", []),
        (MESSAGES, message(THINKING, reason="max_tokens"), "in_reasoning", ["reasoning_only"]),
        (MESSAGES, message(text("")), None, ["empty_answer"]),
        (MESSAGES, message(CALL, reason="tool_use"), None, []),
        (MESSAGES, message(text("a"), reason="stop_sequence"), None, []),
        (MESSAGES, message(text("a"), reason=None), None, ["ended_early"]),
    ],
)
def test_a_label_says_how_the_answer_ended(
    path: str, answer: object, truncated: str | None, warnings: list[str]
) -> None:
    """A truncation in any choice; reasoning alone; no text; a tool call counts as an answer."""
    label = labelled(answer, path)[0]["mmhie"]
    assert (label["truncated"], label["warnings"]) == (truncated, warnings)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (CHAT, []),
        (CHAT, {"choices": []}),
        (CHAT, {"choices": {}}),
        (CHAT, {"choices": [{"message": "a"}]}),
        (CHAT, {"choices": [{"message": {"content": 1}}]}),
        (CHAT, {"error": {"message": "chest pain"}}),
        (RESPONSES, {"output": 1}),
        (RESPONSES, {"output": [1]}),
        (RESPONSES, {"output": [{"content": 1}]}),
        (MESSAGES, {"content": "a"}),
        (MESSAGES, {"content": ["a"]}),
        (MESSAGES, {"content": [{"type": "text", "text": 7}]}),
        (MESSAGES, {"type": "error", "error": {"message": "chest pain"}}),
    ],
)
def test_nonsense_is_garbled(path: str, answer: object) -> None:
    """Always a named error, which never repeats the answer."""
    with pytest.raises((EngineGarbled, EngineRejected)) as raised:
        labelled(answer, path)
    assert "chest" not in raised.value.message


def test_stripped_text_takes_its_tokens_along() -> None:
    """Log-probabilities and ids would spell it out; a clean text keeps them."""
    leak = {"message": {"content": "a<|end|>"}, "logprobs": {"content": [1]}, "token_ids": [7]}
    clean = {"message": {"content": "b"}, "logprobs": {"content": [2]}, "token_ids": None}
    body, _, _ = labelled(chat(leak, clean))
    assert [each["logprobs"] for each in body["choices"]] == [None, {"content": [2]}]
    assert [each["token_ids"] for each in body["choices"]] == [None, None]

    part = {"type": "output_text", "text": "Yes.<|end|>", "logprobs": [1]}
    states = ChoiceState(new_digest(b"k")), ChoiceState(new_digest(b"k"), AROUND)
    stripped = responses_output.pass_part(part, states[0])
    assert stripped == {**part, "text": "Yes.", "logprobs": []}
    surrounded = responses_output.pass_part({**part, "text": "Yes."}, states[1])
    assert surrounded == {**part, "text": "Mind: Yes. Ask."}


def test_reasoning_is_hidden_where_that_is_the_policy() -> None:
    """An item or a block is emptied, not removed, so that indices stay the same."""
    raw = [{"message": "<|channel|>analysis<|message|>Because.", "tokens": [1, 2]}]
    thought = chat(choice("a", reasoning="Because."))
    full = response(REASONING, spoken("a"), output_messages=raw)
    for policy, shown in ((PLAIN, True), (HIDE, False)):
        assert ("Because" in str(labelled(thought, CHAT, policy))) is shown
        body, _, _ = labelled(full, RESPONSES, policy)
        assert (body["output"][0] == REASONING) is shown
        assert body["output"][0]["id"] == "rs_1"
        assert body["output"][1] == spoken("a")
        assert (body["output_messages"] == raw) is shown
    body, _, _ = labelled(message(THINKING, text("a")), MESSAGES, HIDE)
    assert body["content"] == [{**THINKING, "thinking": ""}, text("a")]
