"""Anthropic's Messages API and the token counts on a real vLLM: the engine's own, with one key."""

import json
import re
from typing import Any

import httpx2
import pytest

from tests.compatibility.comparison import says_no_more
from tests.compatibility.tools import DRUG
from tests.contract.difference import frames, plain, settled, stripped
from tests.contract.surfaces import MESSAGES
from tests.contract.test_disclaimer import TEXT

pytestmark = pytest.mark.slow

TOOL = {"name": "dose", "description": "The dose of a drug.", "input_schema": DRUG, "strict": True}
ASKED: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Say hi."}],
    "max_tokens": 60,
    "temperature": 0,
}
SHAPES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "cut": {"max_tokens": 5},
    "system": {"system": [{"type": "text", "text": "Be brief."}]},
    "stop sequence": {"stop_sequences": ["!"]},
    "forced tool": {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "dose"}},
    "any tool": {"tools": [TOOL], "tool_choice": {"type": "any"}},
    "schema": {"output_config": {"format": {"type": "json_schema", "schema": DRUG}}},
    "no temperature": {"temperature": -1},
    "no budget": {"max_tokens": 0},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_is_the_engines(
    client: httpx2.Client, direct: httpx2.Client, model: str, shape: str
) -> None:
    """Every field and value but for `mmhie`; a refusal has its status and its words."""
    body = {"model": model, **ASKED, **SHAPES[shape]}
    told, said = (service.post(MESSAGES, json=body) for service in (client, direct))

    assert told.status_code == said.status_code
    if said.status_code != 200:
        quoted, whole = (answer.json()["error"]["message"] for answer in (told, said))
        assert says_no_more(quoted, whole)
        return
    assert told.json()["mmhie"]["disclaimer"]["text"] == TEXT
    assert same(stripped(told.json())) == same(said.json())


@pytest.mark.parametrize("shape", [name for name in SHAPES if not name.startswith("no ")])
def test_a_stream_is_the_engines(
    client: httpx2.Client, direct: httpx2.Client, model: str, shape: str
) -> None:
    """Event by event, deltas that follow each other as one; first and last have `mmhie`.

    An engine without time puts two tokens into one delta.
    """
    body = {"model": model, **ASKED, **SHAPES[shape], "stream": True}
    told, said = (frames(service.post(MESSAGES, json=body).content) for service in (client, direct))

    assert len(said) > 5
    assert in_one(told) == in_one(said)
    assert [at for at, frame in enumerate(told) if b'"mmhie"' in frame] == [0, len(told) - 2]


def in_one(events: list[bytes]) -> list[tuple[bytes, Any]]:
    """Names and documents of events; deltas that follow each other in a block are joined."""
    whole: list[tuple[bytes, Any]] = []
    for name, data in (plain(named(event)) for event in events):
        event = json.loads(data)
        if not (whole and joined(whole[-1][1], event)):
            whole.append((name, event))
    return whole


def joined(before: dict[str, Any], event: dict[str, Any]) -> bool:
    """Add a delta to the one before; False where they are of different kinds or blocks."""
    delta, other = before.get("delta", {}), event.get("delta", {})
    words = {"text", "partial_json", "thinking"}.intersection(delta).intersection(other)
    if not words or before["index"] != event["index"]:
        return False
    (kind,) = words
    delta[kind] += other[kind]
    return True


def same(message: dict[str, Any]) -> dict[str, Any]:
    """A message without its ids, which differ in every answer."""
    document: dict[str, Any] = json.loads(named(json.dumps(message).encode()))
    return document


def named(data: bytes) -> bytes:
    return re.sub(rb'"chatcmpl-[^"]*"', b'"x"', settled(data))


def test_counts_are_the_engines(client: httpx2.Client, direct: httpx2.Client, model: str) -> None:
    """Byte for byte; what is detokenized is the text again."""
    question = {"model": model, "messages": ASKED["messages"]}
    asked = {
        "/tokenize": {"model": model, "prompt": "Say hi."},
        "/detokenize": {"model": model, "tokens": [36218, 15876, 30]},
        f"{MESSAGES}/count_tokens": question,
    }
    for path, body in asked.items():
        assert client.post(path, json=body).content == direct.post(path, json=body).content, path
    assert client.post("/detokenize", json=asked["/detokenize"]).json()["prompt"] == "Say hi."
    counted = client.post(f"{MESSAGES}/count_tokens", json=question).json()["input_tokens"]
    assert counted == client.post("/tokenize", json=question).json()["count"]
