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

# A few of the rules whose every edge is in tests/gateway/api/test_request_policy.py.
EVERYWHERE: dict[str, dict[str, Any]] = {
    "a template": {"chat_template": CANARY},
    "many answers": {"n": 1000},
    "a tool that calls out": {"tools": [{"type": "mcp", "server_url": URL}]},
    "a schema without end": {"structured_outputs": {"json": {"x": CANARY * 10_000}}},
    "depth": {"metadata": json.loads("[" * 100 + "]" * 100)},
}
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "an image for chat": (CHAT, {"messages": [{"role": "user", "content": [IMAGE]}]}),
    "an image in a tool's answer": (
        CHAT,
        {"messages": [{"role": "tool", "tool_call_id": "1", "content": [IMAGE]}]},
    ),
    "an image for a response": (RESPONSES, {"input": [{"role": "user", "content": [INPUT]}]}),
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
    assert (answer.status_code, error["code"]) == (400, "invalid_request"), error
    assert error["param"] in (*more, None)
    assert (error["param"] is None) == ("metadata" in more)
    assert CANARY not in answer.text
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
