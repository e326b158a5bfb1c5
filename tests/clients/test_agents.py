"""Coding agents, by the requests that they send: their clients are large and ask for more than an
answer. What has to be set in each is what docs/api.md says of it."""

import json
from typing import Any

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import events
from tests.fake_engine.process import FakeEngine

MODEL = "fake-model"
STYLE = "Keep the voice collaborative and natural, like a coding partner handing off work."
SCHEMA = {
    "type": "object",
    "properties": {"command": {"type": "string"}, "timeout": {"type": "number"}},
    "required": ["command"],
    "additionalProperties": False,
}
DESCRIPTION = "Runs a command in the working folder."
FUNCTION = {"name": "bash", "description": DESCRIPTION, "parameters": SCHEMA}
MARK = {"cache_control": {"type": "ephemeral"}}
ASKED = "Rename the function in patients.py."

REMINDER = {"type": "text", "text": "<system-reminder>\nNo to-dos.\n</system-reminder>"}
THOUGHT = {"type": "thinking", "thinking": "Look first.", "signature": "s"}
USED = {"type": "tool_use", "id": "t1", "name": "bash", "input": {"command": "ls"}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "patients.py", "is_error": False}
CLAUDE_CODE: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 4096,  # CLAUDE_CODE_MAX_OUTPUT_TOKENS: 32,000 is over a small context
    "system": [{"type": "text", "text": "You are an interactive CLI tool.", **MARK}],
    "messages": [
        {"role": "user", "content": [REMINDER, {"type": "text", "text": ASKED, **MARK}]},
        {"role": "assistant", "content": [THOUGHT, USED]},
        {"role": "user", "content": [RESULT | MARK]},
    ],
    "tools": [{"name": "bash", "description": DESCRIPTION, "input_schema": SCHEMA}],
    "metadata": {"user_id": "user_0_account__session_1"},
    "temperature": 1,
    "stream": True,
}
RULES = [{"type": "input_text", "text": "<permissions>read-only</permissions>"}]
QUESTION = [{"type": "input_text", "text": ASKED}]
CODEX: dict[str, Any] = {
    "model": MODEL,
    "instructions": f"You are a coding agent. {STYLE}",
    "input": [
        {"type": "message", "role": "developer", "content": RULES},
        {"type": "message", "role": "user", "content": QUESTION},
        {"type": "function_call", "name": "bash", "arguments": '{"command":"ls"}', "call_id": "c1"},
        {"type": "function_call_output", "call_id": "c1", "output": "patients.py"},
    ],
    "tools": [{"type": "function", "strict": False, **FUNCTION}],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "01890000-0000-7000-8000-000000000000",
}
TURNS = [{"role": "system", "content": STYLE}, {"role": "user", "content": ASKED}]
COUNTED = {"stream": True, "stream_options": {"include_usage": True}}
OFFERED = {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "auto"}
CHATTING = {"model": MODEL, "max_tokens": 4096, "messages": TURNS, **OFFERED, **COUNTED}
MESSAGES, RESPONSES, CHAT = "/v1/messages", "/v1/responses", "/v1/chat/completions"
AGENTS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "Claude Code": (
        f"{MESSAGES}?beta=true",
        {
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
            "x-app": "cli",
            "x-stainless-retry-count": "0",
        },
        CLAUDE_CODE,
    ),
    "Codex": (RESPONSES, {"accept": "text/event-stream", "originator": "codex_cli_rs"}, CODEX),
    "aider, opencode, llm": (CHAT, {"accept": "application/json"}, CHATTING),
}
LAST = {MESSAGES: "message_stop", RESPONSES: "response.completed"}


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_s_request_is_answered(gateway: Gateway, engine: FakeEngine, name: str) -> None:
    """As a stream that ends as its API ends one; the engine has all that was sent, and an agent's
    own instructions raise no notice."""
    path, headers, body = AGENTS[name]
    answer = gateway.client.post(path, json=body, headers=headers)
    plain = path.partition("?")[0]

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "x-mmhie-notices" not in answer.headers
    last = events(answer.content)[-1]
    assert (last if plain == CHAT else last["type"]) == LAST.get(plain, "[DONE]")
    sent = engine.body(plain)
    assert not [key for key in body if key != "stream_options" and sent[key] != body[key]]


def test_claude_code_counts_first(gateway: Gateway) -> None:
    """With the same body but for what an answer needs."""
    left_out = ("max_tokens", "stream", "metadata", "temperature")
    body = {name: value for name, value in CLAUDE_CODE.items() if name not in left_out}
    answer = gateway.client.post(f"{MESSAGES}/count_tokens?beta=true", json=body)

    assert answer.status_code == 200, answer.text
    assert answer.json()["input_tokens"] > 0


def test_codex_says_what_to_set_for_its_search(gateway: Gateway, engine: FakeEngine) -> None:
    """It always offers a hosted tool; with `web_search="disabled"` it does not."""
    body = {**CODEX, "tools": [*CODEX["tools"], {"type": "web_search"}]}
    answer = gateway.client.post(RESPONSES, json=body)

    assert answer.status_code == 400
    assert "-c 'web_search=\"disabled\"'" in json.loads(answer.content)["error"]["message"]
    assert not engine.stats["generations"]
