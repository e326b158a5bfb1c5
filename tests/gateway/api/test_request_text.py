"""The texts of a request that are screened, in every form."""

from typing import Any

import pytest

from gateway.api.request_text import has_token_ids, turns_of

USER = {"role": "user"}
TOOL = {"role": "tool", "tool_call_id": "1"}
MODEL = {"role": "assistant", "content": "x"}
OUTPUT = {"type": "function_call_output", "call_id": "1"}

TOOL_WORDS = ["two words\ne"]
HURTS = "my chest hurts"
TOOL_RESULT = [{"type": "tool_result", "content": "t"}]
OWN = {"type": "function_call", "name": "f", "arguments": "x"}


def by_user(*contents: object) -> dict[str, Any]:
    """Return a conversation with messages of the user only."""
    return {"messages": [USER | {"content": content} for content in contents]}


CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
MESSAGES, GENERATE, TOKENIZE = "/v1/messages", "/llm/generate", "/tokenize"
REQUESTS: list[tuple[str, dict[str, Any], list[str]]] = [
    (CHAT, {"messages": [USER | {"content": "a"}, MODEL]}, ["a"]),
    (CHAT, by_user(*"012345678"), list("012345678")),
    (CHAT, by_user([{"type": "text", "text": "a"}, {"type": "x"}]), ["a"]),
    (CHAT, by_user([{"type": "refusal", "refusal": "a"}, "b"]), ["a\nb"]),
    (CHAT, {"messages": [USER | {"content": "a"}, {"role": "system", "content": "s"}]}, ["s", "a"]),
    (CHAT, {"messages": [{"role": "User", "content": "a"}, {"content": "b"}]}, ["a", "b"]),
    (CHAT, {"messages": [{"role": "I cannot breathe", "content": "a"}]}, ["I cannot breathe\na"]),
    (CHAT, {"messages": [USER | {"name": HURTS, "content": "a"}]}, [f"{HURTS}\na"]),
    (CHAT, {"messages": [USER | {"content": "a"}, MODEL, TOOL | {"content": "t"}]}, ["a", "t"]),
    (CHAT, {"messages": [MODEL | {"tool_calls": [{"function": {"arguments": "a"}}]}]}, []),
    (CHAT, {"documents": [{"title": "d", "text": "e"}], "messages": []}, ["d\ne"]),
    (CHAT, {"messages": [USER | {"content": "a"}], "chat_template_kwargs": {"k": "c"}}, ["c", "a"]),
    (CHAT, {"tools": [{"function": {"name": "f", "description": "d"}}]}, ["d"]),
    (CHAT, {"tools": [{"parameters": {"properties": {"two words": {"enum": ["e"]}}}}]}, TOOL_WORDS),
    (CHAT, {"tools": [{"properties": {"type": {"description": "d"}}}]}, ["d"]),
    (CHAT, {"prompt": "p", "input": "i", "messages": [USER | {"content": "a"}]}, ["p", "i", "a"]),
    (CHAT, {"anything": {"new": ["x"]}, "messages": [USER | {"content": "a"}]}, ["x", "a"]),
    (CHAT, {"stop": ["x"], "user": "u", "metadata": {"a": "b"}, "model": "m"}, []),
    (CHAT, {"messages": [None, 3, "a", USER]}, ["a"]),
    (GENERATE, {"prompt": "p", "system": "s"}, ["s", "p"]),
    (GENERATE, {"prompt": "p", "history": [USER | {"content": "a"}, MODEL]}, ["a", "p"]),
    (COMPLETIONS, {"prompt": ["p", "q"]}, ["p\nq"]),
    (COMPLETIONS, {"prompt": [1, 2, 3], "input": "i"}, ["i"]),
    (RESPONSES, {"input": "i", "instructions": "s"}, ["s", "i"]),
    (RESPONSES, {"messages": [USER | {"content": "m"}], "input": "i"}, ["m", "i"]),
    (RESPONSES, {"input": [USER | {"content": [{"type": "input_text", "text": "i"}]}]}, ["i"]),
    (RESPONSES, {"input": [USER | {"content": "i"}, OWN, OUTPUT | {"output": "o"}]}, ["i", "o"]),
    (RESPONSES, {"input": [OUTPUT | {"output": [{"type": "input_text", "text": "o"}]}]}, ["o"]),
    (RESPONSES, {"input": [OWN | {"role": "user"}]}, ["x"]),
    (RESPONSES, {"input": [{"type": "reasoning", "summary": [{"text": "x"}]}]}, []),
    (MESSAGES, {"system": [{"type": "text", "text": "s"}], "messages": []}, ["s"]),
    (MESSAGES, by_user(TOOL_RESULT), ["t"]),
    (TOKENIZE, {"prompt": "p", "messages": [USER | {"content": "a"}]}, ["a", "p"]),
]


@pytest.mark.parametrize(("path", "body", "turns"), REQUESTS)
def test_what_the_engine_reads_is_screened(
    path: str, body: dict[str, Any], turns: list[str]
) -> None:
    """Instructions, tools, other fields, every turn; never the model's own words."""
    assert [turn.text for turn in turns_of(path, body)] == turns


def test_depth_is_no_matter() -> None:
    """A body is screened before its depth is checked."""
    nested: Any = "a"
    for _ in range(5000):
        nested = [nested]

    assert [turn.text for turn in turns_of(CHAT, {"messages": nested})] == ["a"]


@pytest.mark.parametrize(
    ("prompt", "has_ids"),
    [
        ([1, 2], True),
        ([1.0, 2.0], True),
        ([["1", "2"]], True),
        (["1", 2], True),
        (["a"], False),
        ("a", False),
        (None, False),
    ],
)
def test_token_ids_cannot_be_screened(prompt: object, has_ids: bool) -> None:
    """The answer has a warning about it."""
    assert has_token_ids({"prompt": prompt}) is has_ids
