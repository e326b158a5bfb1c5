"""Answers in one piece: one key more at the end, or a named error."""

import json
from typing import Any

import pytest

from gateway.errors import EngineGarbled
from gateway.relaying import whole

FIRST = {"disclaimer": {"text": "Not advice."}, "provenance": {"request_id": "id-1"}}
CHAT = "/v1/chat/completions"


def labelled(answer: object, path: str = CHAT) -> tuple[dict[str, Any], Any, Any]:
    """The parsed body, the closing part and the usage; the bytes before the label are checked."""
    raw = json.dumps(answer, indent=1).encode() + b"\n"
    body, final, usage = whole.label(raw, FIRST, key=b"k", path=path)
    end = raw.rindex(b"}")
    assert body.startswith(raw[:end])
    return json.loads(body), final, usage


def choice(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"content": content, **message}, "finish_reason": finish}


def test_one_key_is_added() -> None:
    """The engine's fingerprint is told in it, too."""
    answer = {"choices": [choice("a")], "usage": {"x": 1}, "system_fingerprint": "fp"}
    body, final, usage = labelled(answer)
    label = body.pop("mmhie")
    assert body == answer
    assert label["disclaimer"] == FIRST["disclaimer"]
    assert label["provenance"]["system_fingerprint"] == "fp"
    assert label["truncated"] == final["truncated"] is None
    assert usage == {"x": 1}


@pytest.mark.parametrize(
    ("choices", "truncated", "warnings"),
    [
        ([choice("a", "length")], "in_answer", []),
        ([choice("a"), choice("b", "length")], "in_answer", []),
        ([choice(None, "length", reasoning="hm")], "in_reasoning", ["reasoning_only"]),
        ([choice(None)], None, ["empty_answer"]),
        ([choice(None, "tool_calls", tool_calls=[{}])], None, []),
        ([{"index": 0, "text": "a", "finish_reason": "stop"}], None, []),
    ],
)
def test_what_is_said_of_it(
    choices: list[dict[str, Any]], truncated: str | None, warnings: list[str]
) -> None:
    """A cut in any choice; reasoning alone; nothing at all; a tool call is an answer."""
    _, final, _ = labelled({"choices": choices})
    assert (final["truncated"], final["warnings"]) == (truncated, warnings)


def test_the_digest_is_of_the_text() -> None:
    """The same text, the same digest; another, another."""
    digests = [
        labelled({"choices": [choice(text)]})[1]["provenance"]["output_digest"]
        for text in ("a", "a", "b")
    ]
    assert digests[0] == digests[1] != digests[2]


def test_responses_too() -> None:
    """Their output items in the terms of a message."""
    output = [{"type": "message", "content": [{"text": "a"}, {"text": None}]}]
    _, final, _ = labelled({"status": "completed", "output": output}, whole.RESPONSES)
    assert final["warnings"] == []


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{"message": "a"}]},
        {"choices": [{"message": {"content": 1}}]},
        {"error": {"message": "chest pain"}},
    ],
)
def test_nonsense_is_garbled(answer: object) -> None:
    """Never another exception, never its words."""
    with pytest.raises(EngineGarbled) as found:
        whole.label(json.dumps(answer).encode(), FIRST, key=b"k", path=CHAT)
    assert "chest" not in found.value.message


@pytest.mark.parametrize(
    "answer", [[], {"output": 1}, {"output": [1]}, {"output": [{"content": 1}]}]
)
def test_nonsense_in_responses_is_garbled(answer: object) -> None:
    """The same for the other API."""
    with pytest.raises(EngineGarbled):
        whole.label(json.dumps(answer).encode(), FIRST, key=b"k", path=whole.RESPONSES)
