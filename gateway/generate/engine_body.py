"""The engine's request for a prompt: a chat if the model has a chat template, else a completion."""

from gateway.engine.watch import ServedModel
from gateway.generate.prompt import Prompt
from gateway.generate.request import GenerateRequest
from gateway.runtime.json_types import Json

# Of the markers around the reasoning, which are generated, too; the launcher adds as much.
MARKER_TOKENS = 16


def engine_budget(prompt: Prompt, model: ServedModel, *, reasoning_budget: int) -> int:
    """Return the tokens that the engine may generate for reasoning and answer together."""
    return prompt.max_tokens + (reasoning_budget + MARKER_TOKENS if model.reasons else 0)


def options(
    request: GenerateRequest, prompt: Prompt, model: ServedModel, *, reasoning_budget: int
) -> Json:
    """Return the engine's request without its `content`; the reasoning budget, in tokens, is added
    to the answer's."""
    fixed: Json = {
        "model": model.id,
        "max_tokens": engine_budget(prompt, model, reasoning_budget=reasoning_budget),
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": bool(model.reasons)},
    }
    if model.budgets_reasoning:
        fixed["thinking_token_budget"] = reasoning_budget
    return fixed | optional_fields(request, model)


def content(prompt: Prompt, model: ServedModel) -> Json:
    """Return the part that `/tokenize` counts: messages, or all texts as one prompt."""
    if model.has_chat_template:
        return {"messages": prompt.messages()}
    return {"prompt": "\n\n".join(prompt.texts())}


def optional_fields(request: GenerateRequest, model: ServedModel) -> Json:
    """Return the optional fields that the caller has set."""
    fields = {
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": request.stop or None,
        "reasoning_effort": request.reasoning_effort if model.has_chat_template else None,
    }
    return {name: value for name, value in fields.items() if value is not None}
