"""Whole messages of Anthropic's API: one more key, clean text, hidden thinking, all tokens."""

import json
from functools import partial
from typing import Any

import pytest

from gateway.api import paths
from gateway.errors import BodyTooLarge, EngineGarbled, EngineRejected, Held, Unauthorized
from gateway.proxy import messages_error
from gateway.proxy.output_policy import OutputPolicy
from gateway.safety.labels import keyed_digest
from gateway.safety.placement import Surroundings
from tests.gateway.proxy import test_json_response

THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}
CALL = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def message(*blocks: Any, reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    return {"type": "message", "content": list(blocks), "stop_reason": reason, **more}


labelled = partial(test_json_response.labelled, path=paths.MESSAGES)


def test_one_key_is_added() -> None:
    """At the end; cached tokens count as tokens of the prompt."""
    usage = {"input_tokens": 2, "cache_read_input_tokens": 16, "output_tokens": 4}
    answer = message(text("a"), usage=usage)
    body, final, counted = labelled(answer)
    assert list(body) == [*answer, "mmhie"]
    assert body["content"] == answer["content"]
    assert final["provenance"]["output_digest"] == keyed_digest(b"k", "a")
    assert counted == {"input_tokens": 18, "output_tokens": 4}
    assert labelled(message(text("a")))[2] is None


@pytest.mark.parametrize(
    ("answer", "truncated", "warnings"),
    [
        (message(text("a"), reason="max_tokens"), "in_answer", []),
        (message(THINKING, reason="max_tokens"), "in_reasoning", ["reasoning_only"]),
        (message(THINKING, text("a")), None, []),
        (message(text("")), None, ["empty_answer"]),
        (message(CALL, reason="tool_use"), None, []),
        (message(text("a"), reason="stop_sequence"), None, []),
        (message(text("a"), reason=None), None, ["ended_early"]),
    ],
)
def test_what_is_said_of_it(
    answer: dict[str, Any], truncated: str | None, warnings: list[str]
) -> None:
    """Truncation, thinking alone, no text; a tool call counts as an answer."""
    _, final, _ = labelled(answer)
    assert (final["truncated"], final["warnings"]) == (truncated, warnings)


def test_markers_are_stripped() -> None:
    """From the text, with a warning; a tool call keeps its input."""
    body, final, _ = labelled(message(text("Yes.<|channel|>analysis<|message|>No."), CALL))
    assert body["content"] == [text("Yes."), CALL]
    assert final["warnings"] == ["harmony_markers_stripped"]


def test_hidden_thinking_leaves_an_empty_block() -> None:
    """As Anthropic's own API does with omitted thinking."""
    body, _, _ = labelled(message(THINKING, text("a")), policy=OutputPolicy("hide"))
    assert body["content"] == [{**THINKING, "thinking": ""}, text("a")]


def test_the_disclaimer_goes_around_the_text() -> None:
    """Only if it is configured."""
    body, _, _ = labelled(message(text("a")), policy=OutputPolicy(around=Surroundings("<", ">")))
    assert body["content"] == [text("<a>")]


@pytest.mark.parametrize("content", [None, "a", ["a"], [{"type": "text", "text": 7}]])
def test_another_form_is_garbled(content: Any) -> None:
    """A content without a list of blocks; an error object with any status."""
    with pytest.raises(EngineGarbled):
        labelled({"type": "message", "content": content})
    with pytest.raises(EngineRejected):
        labelled({"type": "error", "error": {"message": "x"}})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unauthorized("x"), "authentication_error"),
        (BodyTooLarge("x"), "request_too_large"),
        (Held("x"), "overloaded_error"),
        (EngineGarbled("x"), "api_error"),
    ],
)
def test_errors_have_anthropics_names(error: Any, kind: str) -> None:
    """And all fields of our own errors: code, parameter, notices."""
    error.notices = ({"id": "MED101"},)
    body = json.loads(messages_error.body(error, request_id="id-1"))
    assert (body["type"], body["request_id"]) == ("error", "id-1")
    assert (body["error"]["type"], body["error"]["code"]) == (kind, error.code)
    assert body["error"]["mmhie"]["notices"] == [{"id": "MED101"}]
