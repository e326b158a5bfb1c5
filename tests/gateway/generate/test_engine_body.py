"""The engine's request for a prompt."""

from dataclasses import replace

from gateway.engine.watch import ServedModel
from gateway.generate import engine_body
from gateway.generate.prompt import Message, Prompt

ASK = Prompt("Why?", 8, system="Be brief.")
SYSTEM, WHY = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}
CROUP = (Message(role="user", content="Croup?"), Message(role="assistant", content="Stridor."))
CHAT = ServedModel("m")
PLAIN = ServedModel("m", has_chat_template=False)


def test_a_model_with_a_template_is_asked_in_chat() -> None:
    """Two turns; streamed, with counts, greedy; no other fields."""
    assert CHAT.path == "/v1/chat/completions"
    assert engine_body.content(ASK, CHAT) == {"messages": [SYSTEM, WHY]}
    assert engine_body.options(ASK, CHAT, reasoning_budget=100) == {
        "model": "m",
        "max_tokens": 8,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": False},
    }


def test_a_model_without_one_is_asked_to_complete() -> None:
    """vLLM refuses chats with it; it has no reasoning effort."""
    ask = replace(ASK, reasoning_effort="low")
    assert PLAIN.path == "/v1/completions"
    assert engine_body.content(ask, PLAIN) == {"prompt": "Be brief.\n\nWhy?"}
    assert "reasoning_effort" not in engine_body.options(ask, PLAIN, reasoning_budget=100)
    assert engine_body.content(replace(ask, system=None), PLAIN) == {"prompt": "Why?"}


def test_a_prompt_goes_on_with_its_conversation() -> None:
    """Earlier messages come first; without a template, earlier texts."""
    ask = replace(ASK, history=CROUP)

    assert engine_body.content(ask, CHAT)["messages"] == [SYSTEM, *CROUP, WHY]
    assert engine_body.content(ask, PLAIN) == {"prompt": "Be brief.\n\nCroup?\n\nStridor.\n\nWhy?"}


def test_reasoning_has_a_budget_on_top() -> None:
    """And token counts on every chunk."""
    body = engine_body.options(ASK, replace(CHAT, reasons=True), reasoning_budget=100)
    assert body["max_tokens"] == 108 + engine_body.MARKER_TOKENS
    assert body["stream_options"]["continuous_usage_stats"] is True


def test_the_engine_is_told_the_reasoning_budget_where_it_takes_one() -> None:
    """Other engines would refuse the field; zero is a valid budget."""
    able = replace(CHAT, reasons=True, budgets_reasoning=True)

    assert engine_body.options(ASK, able, reasoning_budget=0)["thinking_token_budget"] == 0
    unable = engine_body.options(ASK, replace(CHAT, reasons=True), reasoning_budget=100)
    assert "thinking_token_budget" not in unable


def test_no_system_message_is_no_turn() -> None:
    """A missing or empty system message is no turn."""
    for system in (None, ""):
        assert engine_body.content(replace(ASK, system=system), CHAT)["messages"] == [WHY]
