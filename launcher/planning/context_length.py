"""The longest request an engine takes: --max-model-len."""

from dataclasses import dataclass
from typing import Final

from launcher.models.facts import ModelFacts
from launcher.settings import LauncherSettings

# The marks around reasoning are generated, too; the gateway asks for that much more.
MARKER_TOKENS: Final = 16


@dataclass(frozen=True, slots=True)
class ContextLength:
    """The engine's context in tokens, with the reason and warnings."""

    max_model_len: int
    reason: str
    warnings: tuple[str, ...] = ()


def choose_context_length(settings: LauncherSettings, model: ModelFacts) -> ContextLength:
    """Return MMHIE_MAX_MODEL_LEN, else input, answer and reasoning; at most the model's limit."""
    wanted, reason = _sum_up(settings, model)
    if wanted <= model.context:
        return ContextLength(wanted, reason)
    warning = (
        f"The context is {model.context} tokens, the model's limit, instead of {wanted}: "
        f"input and answer together have to fit into it."
    )
    return ContextLength(model.context, f"{reason}, lowered to the model's limit", (warning,))


def request_tokens(settings: LauncherSettings, context: ContextLength) -> int:
    """Return the tokens of the longest request expected: input and answer, inside the context."""
    return min(settings.max_input_length + settings.max_tokens, context.max_model_len)


def _sum_up(settings: LauncherSettings, model: ModelFacts) -> tuple[int, str]:
    if settings.max_model_len is not None:
        return settings.max_model_len, f"context {settings.max_model_len} as asked"
    reasoning = settings.max_reasoning_tokens + MARKER_TOKENS if model.reasoning else 0
    total = settings.max_input_length + settings.max_tokens + reasoning
    parts = f"{settings.max_input_length} input + {settings.max_tokens} answer"
    return total, f"context {total} = {parts}" + (
        f" + {reasoning} reasoning and its markers" if reasoning else ""
    )
