"""Operator's choices about answers: reasoning, its name, the disclaimer in the text."""

from pathlib import Path
from typing import Any

import pytest

from tests.contract.fixtures import Shared, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, COMPLETIONS, GENERATE, events
from tests.fake_engine.process import FakeEngine

BODY = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
PHASE = '{"phase": "ready", "model": {"id": "fake-model", "reasoning": %s}}'
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
NOTICE = "Model outputs are not clinical advice."


def test_hidden_reasoning_reaches_nobody(gateway_with: Shared, engine: FakeEngine) -> None:
    """Neither on /v1, whole or streamed, nor on /llm/generate where it was asked for."""
    gateway = gateway_with(MMHIE_REASONING="hide")
    engine.next(fault="reasoning", times=3)

    whole = gateway.client.post(CHAT, json=BODY)
    streamed = gateway.client.post(CHAT, json=BODY | {"stream": True})
    asked = gateway.client.post(GENERATE, json={"prompt": "hi", "include_reasoning": True})

    for answer in (whole, streamed, asked):
        assert answer.status_code == 200
        assert "The question is" not in answer.text
    assert "reasoning" not in asked.json()
    assert "reasoning_withheld" in asked.json()["warnings"]


def test_hidden_reasoning_does_not_leave_as_a_text_completion(
    gateway_with: Shared, start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """Refused where the model may reason; not where the launcher says that it does not."""
    asked = {"model": "fake-model", "prompt": "hi"}
    unknown = gateway_with(MMHIE_REASONING="hide")
    told = start(engine.url, MMHIE_REASONING="hide", MMHIE_PHASE_FILE=str(tmp_path / "phase.json"))
    (tmp_path / "phase.json").write_text(PHASE % "false")
    refused = unknown.client.post(COMPLETIONS, json=asked)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert CHAT in refused.json()["error"]["message"]
    assert told.wait().client.post(COMPLETIONS, json=asked).status_code == 200


def test_reasoning_in_a_text_completion_is_warned_of(
    start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """A caller who may see reasoning is warned that the answer may hold some."""
    (tmp_path / "phase.json").write_text(PHASE % "true")
    gateway = start(engine.url, MMHIE_PHASE_FILE=str(tmp_path / "phase.json")).wait()
    answer = gateway.client.post(COMPLETIONS, json={"model": "fake-model", "prompt": "hi"}).json()

    assert answer["mmhie"]["warnings"] == ["reasoning_not_separated"]


def test_the_disclaimer_may_stand_in_the_text(gateway_with: Shared) -> None:
    """On both kinds of route where that is switched on, also where a chat page offers tools; never
    where a program reads the answer."""
    gateway = gateway_with(MMHIE_DISCLAIMER_IN_TEXT="suffix")

    generated = gateway.client.post(GENERATE, json={"prompt": "hi"}).json()["text"]
    chat, with_tools = (content(gateway, BODY | more) for more in ({}, {"tools": [TOOL]}))
    structured = content(gateway, BODY | {"response_format": {"type": "json_object"}})

    for text in (generated, chat, with_tools):
        disclaimer, note = text.split("\n\n")[-1].split("\n")
        assert disclaimer.startswith(NOTICE)
        assert "emergency" in note
    assert NOTICE not in structured


def content(gateway: Gateway, body: dict[str, Any]) -> str:
    """Return the text of the answer to a chat."""
    answer = gateway.client.post(CHAT, json=body).json()
    return str(answer["choices"][0]["message"]["content"])


@pytest.mark.parametrize("placement", ["prefix", "suffix"])
def test_a_chat_page_shows_what_belongs_to_an_answer(gateway_with: Shared, placement: str) -> None:
    """Notice, disclaimer, note and cut in the text itself, the same whole and streamed."""
    gateway = gateway_with(MMHIE_DISCLAIMER_IN_TEXT=placement)
    turns = [{"role": "user", "content": "I have crushing chest pain right now."}]
    asked = {"messages": turns, "max_tokens": 4}

    answer = gateway.client.post(CHAT, json=asked).json()
    chunks = events(gateway.client.post(CHAT, json={**asked, "stream": True}).content)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk != "[DONE]"]
    text = answer["choices"][0]["message"]["content"]

    assert text == "".join(delta.get("content") or "" for delta in deltas)
    assert text.startswith(answer["mmhie"]["notices"][0]["message"] + "\n\n")
    assert text.count(NOTICE) == 1
    assert "[cut off" in text.split("\n\n")[-1 if placement == "prefix" else -2]


def test_a_request_without_a_model_is_given_the_served_one(
    gateway: Gateway, engine: FakeEngine
) -> None:
    """vLLM would answer such a one with the base below an adapter."""
    gateway.client.post(CHAT, json=BODY)

    assert engine.body()["model"] == "fake-model"
