"""The engine's request for a prompt: by the chat template where the model has one."""

from gateway.engine.watch import ServedModel
from gateway.generate.prompt import Prompt
from gateway.runtime.json_types import Json

# What opens and ends reasoning is generated, too; the launcher makes room for that much more.
MARKER_TOKENS = 16


def engine_budget(prompt: Prompt, model: ServedModel, *, reasoning_budget: int) -> int:
    """Tokens the engine may generate in all: it knows one budget only."""
    return prompt.max_tokens + (reasoning_budget + MARKER_TOKENS if model.reasons else 0)


def options(prompt: Prompt, model: ServedModel, *, reasoning_budget: int) -> Json:
    """The engine's request but for its `content`; the reasoning budget comes on top of the
    answer's, both in tokens."""
    fixed: Json = {
        "model": model.id,
        "max_tokens": engine_budget(prompt, model, reasoning_budget=reasoning_budget),
        "temperature": prompt.temperature,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": bool(model.reasons)},
    }
    if model.budgets_reasoning:
        fixed["thinking_token_budget"] = reasoning_budget
    return fixed | chosen(prompt, model)


def content(prompt: Prompt, model: ServedModel) -> Json:
    """The part that `/tokenize` counts: messages, or all texts as one prompt."""
    if model.has_chat_template:
        return {"messages": prompt.messages()}
    return {"prompt": "\n\n".join(prompt.texts())}


def chosen(prompt: Prompt, model: ServedModel) -> Json:
    """Fields that the caller set; what is left out is the engine's choice."""
    fields = {
        "top_p": prompt.top_p,
        "seed": prompt.seed,
        "stop": list(prompt.stop) or None,
        "reasoning_effort": prompt.reasoning_effort if model.has_chat_template else None,
    }
    return {name: value for name, value in fields.items() if value is not None}
