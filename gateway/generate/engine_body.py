"""From a question to the engine's own request: the chat template where the model has one."""

from collections.abc import Mapping
from typing import Any

from gateway.engine.watch import Model
from gateway.generate.prompt import Prompt

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
# What opens and ends reasoning is generated, too; the launcher makes room for that much more.
MARKER_TOKENS = 16


def path(model: Model) -> str:
    """Models without a chat template answer 400 on chat: they are asked to complete."""
    return CHAT if model.has_chat_template else COMPLETIONS


def engine_budget(ask: Prompt, model: Model, *, reasoning_budget: int) -> int:
    """What the engine may generate in all, in tokens: it knows one budget only."""
    return ask.max_tokens + (reasoning_budget + MARKER_TOKENS if model.reasons else 0)


def body(ask: Prompt, model: Model, *, reasoning_budget: int) -> dict[str, Any]:
    """The engine's request; the reasoning budget comes on top of the answer's, both in tokens."""
    fixed: dict[str, Any] = {
        "model": model.id,
        **content(ask, model),
        "max_tokens": engine_budget(ask, model, reasoning_budget=reasoning_budget),
        "temperature": ask.temperature,
        "stream": True,
        "stream_options": {
            "include_usage": True,
            "continuous_usage_stats": bool(model.reasons),
        },
    }
    if model.budgets_reasoning:
        fixed["thinking_token_budget"] = reasoning_budget
    return fixed | optional(ask, model)


def content(ask: Prompt, model: Model) -> Mapping[str, Any]:
    """The part that `/tokenize` counts: messages, or one prompt."""
    if not model.has_chat_template:
        return {"prompt": ask.prompt if ask.system is None else f"{ask.system}\n\n{ask.prompt}"}
    system = [{"role": "system", "content": ask.system}] if ask.system else []
    return {"messages": [*system, {"role": "user", "content": ask.prompt}]}


def optional(ask: Prompt, model: Model) -> dict[str, Any]:
    """What the caller chose, and nothing the caller left to the engine."""
    chosen = {
        "top_p": ask.top_p,
        "seed": ask.seed,
        "stop": list(ask.stop) or None,
        "reasoning_effort": ask.reasoning_effort if model.has_chat_template else None,
    }
    return {name: value for name, value in chosen.items() if value is not None}
