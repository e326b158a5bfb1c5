"""JSON answers: one more key at the end, or a named error."""

import json
from typing import Any

import pytest

from gateway.api import paths
from gateway.errors import EngineGarbled, EngineRejected
from gateway.proxy import json_response
from gateway.proxy.light_answer import LightAnswer
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.safety.placement import Surroundings

FIRST = {"disclaimer": {"text": "Not advice."}, "provenance": {"request_id": "id-1"}}
CHAT = "/v1/chat/completions"


def labelled(
    answer: object, path: str = CHAT, policy: OutputPolicy = PLAIN
) -> tuple[dict[str, Any], Any, Any]:
    """Return the parsed body, the closing half of the label and the usage."""
    sent = LightAnswer.of(json.dumps(answer).encode())
    body, final, usage, _ = json_response.label(sent, FIRST, key=b"k", path=path, policy=policy)
    return json.loads(body), final, usage


def choice(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"content": content, **message}, "finish_reason": finish}


def test_one_key_is_added() -> None:
    """After the original bytes; it contains the engine's fingerprint."""
    answer = {"choices": [choice("a")], "usage": {"x": 1}, "system_fingerprint": "fp"}
    raw = json.dumps(answer, indent=1).encode() + b"\n"
    light = LightAnswer.of(raw)
    sent, final, usage, _ = json_response.label(light, FIRST, key=b"k", path=CHAT)
    assert sent.startswith(raw[: raw.rindex(b"}")])
    body = json.loads(sent)
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
        ([choice("a"), choice(None), choice("b", "length")], "in_answer", ["empty_answer"]),
        ([choice(None, "length", reasoning="hm")], "in_reasoning", ["reasoning_only"]),
        ([choice(None)], None, ["empty_answer"]),
        ([choice(None, "tool_calls", tool_calls=[{}])], None, []),
        ([{"index": 0, "text": "a", "finish_reason": "stop"}], None, []),
    ],
)
def test_what_is_said_of_it(
    choices: list[dict[str, Any]], truncated: str | None, warnings: list[str]
) -> None:
    """A truncation in any choice; reasoning alone; no text; a tool call counts as an answer."""
    label = labelled({"choices": choices})[0]["mmhie"]
    assert (label["truncated"], label["warnings"]) == (truncated, warnings)


@pytest.mark.parametrize(
    ("name", "served", "warnings"),
    [
        ("b", ("a", "c"), ["other_model"]),
        ("c", ("a", "c"), []),
        ("b", (), []),
        (None, ("a",), []),
        ("", ("a",), []),
        ({"x": 1}, ("a",), ["other_model"]),
    ],
)
def test_the_model_that_answers(name: object, served: tuple[str, ...], warnings: list[str]) -> None:
    """An unknown model gives a warning; an engine may name none."""
    answer = {"model": name, "choices": [choice("a")]}
    _, final, _ = labelled(answer, policy=OutputPolicy(served=served))
    assert final["warnings"] == warnings


def test_responses_too() -> None:
    """Output items count like messages."""
    output = [{"type": "message", "content": [{"text": "a"}, {"text": None}]}]
    _, final, _ = labelled({"status": "completed", "output": output}, paths.RESPONSES)
    assert final["warnings"] == []


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (CHAT, []),
        (CHAT, {}),
        (CHAT, {"choices": []}),
        (CHAT, {"choices": {}}),
        (CHAT, {"choices": [1]}),
        (CHAT, {"choices": [{"message": "a"}]}),
        (CHAT, {"choices": [{"message": {"content": 1}}]}),
        (CHAT, {"error": {"message": "chest pain"}}),
        (paths.RESPONSES, []),
        (paths.RESPONSES, {"output": 1}),
        (paths.RESPONSES, {"output": [1]}),
        (paths.RESPONSES, {"output": [{"content": 1}]}),
    ],
)
def test_nonsense_is_garbled(path: str, answer: object) -> None:
    """Always a named error, which never repeats the answer."""
    with pytest.raises((EngineGarbled, EngineRejected)) as raised:
        labelled(answer, path)
    assert "chest" not in raised.value.message


def shaped(answer: object, shape: OutputPolicy, path: str = CHAT) -> dict[str, Any]:
    return labelled(answer, path, shape)[0]


def test_leaked_markers_are_stripped_and_told() -> None:
    """In each choice separately; a clean one keeps its text."""
    leak = "<|start|>assistant<|channel|>final<|message|>Rest."
    body, _, _ = labelled({"choices": [choice(leak), {**choice("b"), "index": 1}]})

    assert [c["message"]["content"] for c in body["choices"]] == ["Rest.", "b"]
    assert body["mmhie"]["warnings"] == ["harmony_markers_stripped"]


def test_reasoning_is_hidden_where_that_is_the_policy() -> None:
    """In chat answers and in items of a response; with the scope it is shown."""
    chat = {"choices": [choice("a", reasoning="secret")]}
    item = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "secret"}]}
    response = {"status": "completed", "output": [item]}

    assert "secret" not in str(shaped(chat, OutputPolicy(policy="hide")))
    assert "secret" not in str(shaped(chat, OutputPolicy(policy="scope")))
    assert "secret" in str(shaped(chat, OutputPolicy(policy="scope", may_see=True)))
    assert "secret" not in str(shaped(response, OutputPolicy(policy="hide"), paths.RESPONSES))


def test_the_disclaimer_surrounds_each_choice() -> None:
    """Only if it is configured; nothing else changes."""
    two = {"choices": [choice("a"), {**choice("b"), "index": 1}], "id": "c"}
    body = shaped(two, OutputPolicy(around=Surroundings("Mind: ", " Ask.")))

    assert [c["message"]["content"] for c in body["choices"]] == ["Mind: a Ask.", "Mind: b Ask."]
    assert body["id"] == "c"


def test_what_is_known_beforehand_is_told_first() -> None:
    """Warnings about the request come before those about the answer."""
    body = shaped({"choices": [choice(None)]}, OutputPolicy(warnings=("reasoning_not_separated",)))

    assert body["mmhie"]["warnings"] == ["reasoning_not_separated", "empty_answer"]


def test_choices_nobody_asked_for_are_a_fault() -> None:
    """The number of choices is bounded."""
    answer = {"choices": [choice("a")] * 17}
    raw = json.dumps(answer).encode()
    with pytest.raises(EngineGarbled):
        json_response.label(LightAnswer.of(raw), FIRST, key=b"k", path=CHAT, most=16)
    json_response.label(LightAnswer.of(raw), FIRST, key=b"k", path=CHAT, most=17)
