"""The engine's request for a prompt."""

from dataclasses import replace

from gateway.engine.watch import ServedModel
from gateway.generate import engine_body
from gateway.generate.prompt import Prompt
from gateway.generate.request import GenerateRequest

ASK = Prompt("Why?", 8, system="Be brief.")
REQUEST = GenerateRequest(prompt="Why?")
CHAT = ServedModel("m")


def test_reasoning_has_a_budget_on_top() -> None:
    """And token counts on every chunk. The engine is told the budget if it takes one: others would
    refuse the field; zero is a valid budget."""
    body = engine_body.options(REQUEST, ASK, replace(CHAT, reasons=True), reasoning_budget=100)
    assert body["max_tokens"] == 108 + engine_body.MARKER_TOKENS
    assert body["stream_options"]["continuous_usage_stats"] is True
    assert "thinking_token_budget" not in body
    able = replace(CHAT, reasons=True, budgets_reasoning=True)
    assert engine_body.options(REQUEST, ASK, able, reasoning_budget=0)["thinking_token_budget"] == 0
