"""Limits on what a body asks of the engine, on every path that takes one."""

import json
from typing import Any

import pytest

from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, COMPLETIONS, RESPONSES, WHOLES, Surface, error_of, name_of
from tests.fake_engine.process import FakeEngine

CANARY = "zebrafish7731"
URL = f"http://{CANARY}/x.png"
OPENAI = tuple(surface for surface in WHOLES if surface.path != "/llm/generate")
IMAGE = {"type": "image_url", "image_url": {"url": URL}}
INPUT = {"type": "input_image", "image_url": f"data:image/png;base64,{CANARY}"}
FILE = {"type": "input_file", "file_url": f"file:///{CANARY}"}

# What is sent beside a good request; refused on every /v1 path, the engine unasked.
EVERYWHERE: dict[str, dict[str, Any]] = {
    "a template": {"chat_template": CANARY},
    "a template in disguise": {"chat_template_kwargs": {"chat_template": CANARY}},
    "many answers": {"n": 1000},
    "many answers, as text": {"n": "1000"},
    "all logprobs": {"top_logprobs": -1},
    "all prompt logprobs": {"prompt_logprobs": -1},
    "a long bias": {"logit_bias": {str(n): 1 for n in range(5000)}},
    "many stops": {"stop": [CANARY] * 100},
    "many tools": {"tools": [{"type": "function", "function": {"name": CANARY}}] * 500},
    "a tool that calls out": {"tools": [{"type": "mcp", "server_url": URL}]},
    "a schema without end": {"structured_outputs": {"json": {"x": CANARY * 10_000}}},
    "arguments of the engine": {"vllm_xargs": {CANARY: 1}},
    "a transfer of caches": {"kv_transfer_params": {"remote_host": CANARY}},
    "an id of the engine's": {"request_id": CANARY},
    "a conversation of another": {"previous_response_id": CANARY},
    "work in the background": {"background": True},
    "depth": {"metadata": json.loads("[" * 100 + "]" * 100)},
}
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "an image for chat": (CHAT, {"messages": [{"role": "user", "content": [IMAGE]}]}),
    "an image in a tool's answer": (
        CHAT,
        {"messages": [{"role": "tool", "tool_call_id": "1", "content": [IMAGE]}]},
    ),
    "an image for a response": (RESPONSES, {"input": [{"role": "user", "content": [INPUT]}]}),
    "a file for a response": (RESPONSES, {"input": [{"role": "user", "content": [FILE]}]}),
    "an image in an outcome": (
        RESPONSES,
        {"input": [{"type": "function_call_output", "call_id": "1", "output": [INPUT]}]},
    ),
    "many messages": (CHAT, {"messages": [{"role": "user", "content": CANARY}] * 2000}),
    "many prompts": (COMPLETIONS, {"prompt": [CANARY] * 100}),
    "many prompts of ids": (COMPLETIONS, {"prompt": [[1, 2]] * 100}),
    "prompts times answers": (COMPLETIONS, {"prompt": [CANARY] * 5, "n": 5}),
}
CASES = [
    *((surface.path, more) for surface in OPENAI for more in EVERYWHERE.values()),
    *PARTS.values(),
]
IDS = [*(f"{name} {surface.path}" for surface in OPENAI for name in EVERYWHERE), *PARTS]


@pytest.mark.parametrize(("path", "more"), CASES, ids=IDS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_refused(
    gateway: Gateway, engine: FakeEngine, path: str, more: dict[str, Any], stream: bool
) -> None:
    """400 that names the field and quotes nothing; the engine is not asked."""
    answer = gateway.client.post(path, json=Surface("", path, "json").body(**more, stream=stream))

    error = error_of(answer)
    assert answer.status_code == 400, error
    assert error["code"] == "invalid_request"
    assert error["param"] in (*more, None)
    assert (error["param"] is None) == ("metadata" in more)
    assert CANARY not in answer.text
    assert engine.stats["generations"] == 0


@pytest.mark.parametrize("name", ["chat_template", "priority", "n", "messages", "vllm_xargs"])
def test_generate_takes_none_of_them(gateway: Gateway, engine: FakeEngine, name: str) -> None:
    """/llm/generate knows its own fields only."""
    answer = gateway.client.post("/llm/generate", json={"prompt": "x", name: CANARY})
    assert answer.status_code == 422
    assert engine.stats["generations"] == 0


@pytest.mark.parametrize("surface", OPENAI, ids=name_of)
def test_a_cap_on_answers(gateway_with: Shared, engine: FakeEngine, surface: Surface) -> None:
    """MMHIE_MAX_V1_TOKENS: over it is refused, none means it (16 for text completions)."""
    gateway = gateway_with(MMHIE_MAX_V1_TOKENS="20")
    refused = surface.ask(gateway.client, **surface.limit(21))
    answered = surface.ask(gateway.client, max_tokens=None)

    assert refused.status_code == 400
    assert "MMHIE_MAX_V1_TOKENS" in error_of(refused)["message"]
    assert answered.status_code == 200
    sent = engine.body(surface.path)
    told = sent.get("max_output_tokens") or sent.get("max_tokens")
    assert told == (None if surface.path == COMPLETIONS else 20)


@pytest.mark.parametrize("surface", OPENAI, ids=name_of)
def test_a_priority_of_the_callers_own_is_not_taken(
    gateway: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """It would be everybody's wish to go first."""
    assert surface.ask(gateway.client, priority=-100).status_code == 200
    assert engine.body(surface.path)["priority"] == 0
