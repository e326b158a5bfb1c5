"""The text of a request that is screened: what the caller says of the patient, in every form."""

from typing import Any

import pytest

from gateway.safety.request_text import has_token_ids, screened

USER = {"role": "user"}
TOOL = {"role": "tool", "tool_call_id": "1"}
MODEL = {"role": "assistant", "content": "x"}
OUTPUT = {"type": "function_call_output", "call_id": "1"}

REQUESTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"messages": [USER | {"content": "a"}, MODEL]}, ["a"]),
    ({"messages": [USER | {"content": "a"}, USER | {"content": "b"}]}, ["a", "b"]),
    ({"messages": [USER | {"content": str(n)} for n in range(5)]}, ["2", "3", "4"]),
    ({"messages": [USER | {"content": [{"type": "text", "text": "a"}, {"type": "x"}]}]}, ["a"]),
    ({"messages": [{"role": "system", "content": "s"}, USER | {"content": "a"}]}, ["s", "a"]),
    ({"messages": [{"role": "developer", "content": "s"}]}, ["s"]),
    ({"messages": [USER | {"content": "a"}, MODEL, TOOL | {"content": "t"}]}, ["a", "t"]),
    (
        {"messages": [TOOL | {"content": "old"}, *[USER | {"content": str(n)} for n in range(4)]]},
        ["1", "2", "3"],
    ),
    ({"prompt": "p"}, ["p"]),
    ({"prompt": "p", "system": "s"}, ["s", "p"]),
    ({"prompt": "p", "history": [USER | {"content": "a"}, MODEL]}, ["a", "p"]),
    ({"prompt": "p", "history": [USER | {"content": str(n)} for n in range(4)]}, ["2", "3", "p"]),
    ({"prompt": "p", "history": [USER | {"content": "a"}], "system": "s"}, ["s", "a", "p"]),
    ({"messages": [USER | {"content": "a"}], "history": [MODEL], "prompt": "p"}, ["a"]),
    ({"prompt": ["p", "q"]}, ["p\nq"]),
    ({"prompt": [1, 2, 3]}, []),
    ({"input": "i", "instructions": "s"}, ["s", "i"]),
    ({"input": [USER | {"content": "i"}]}, ["i"]),
    ({"input": [USER | {"content": [{"type": "input_text", "text": "i"}]}]}, ["i"]),
    ({"input": [USER | {"content": "i"}, OUTPUT | {"output": "o"}]}, ["i", "o"]),
    ({"input": [OUTPUT | {"output": [{"type": "input_text", "text": "o"}]}]}, ["o"]),
    ({"messages": "nonsense"}, []),
    ({"messages": [None, 3, USER]}, []),
    ({}, []),
]


@pytest.mark.parametrize(("body", "turns"), REQUESTS)
def test_what_the_caller_says_is_screened(body: dict[str, Any], turns: list[str]) -> None:
    """Instructions, the last turns and tool results; never the model's own words."""
    assert screened(body) == turns


@pytest.mark.parametrize(
    ("prompt", "has_ids"),
    [
        ([1, 2], True),
        ([[1, 2], [3]], True),
        (["a"], False),
        ("a", False),
        ([], False),
        (None, False),
    ],
)
def test_token_ids_cannot_be_screened(prompt: object, has_ids: bool) -> None:
    """The answer then says so."""
    assert has_token_ids({"prompt": prompt}) is has_ids
