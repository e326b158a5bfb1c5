"""The draft model that vLLM's flags name for speculative decoding, and its KV cache."""

from collections.abc import Sequence
from typing import Final

from launcher import engine_flags
from launcher.errors import ModelError
from launcher.json_types import Json, JsonView
from launcher.models.facts import DraftFacts, ModelFacts

FLAG: Final = "--speculative-config"
# Flags for one entry of its JSON.
ENTRIES: Final = {
    "--spec-method": "method",
    "--spec-model": "model",
    "--spec-tokens": "num_speculative_tokens",
}


def named(arguments: Sequence[str]) -> str | None:
    """The draft model's id or folder in MMHIE_ENGINE_ARGS; None where there is none."""
    model = configured(arguments).get("model")
    return model if isinstance(model, str) and "/" in model else None


def configured(arguments: Sequence[str]) -> Json:
    """The entries of the configuration, whichever flags they are given with."""
    written = engine_flags.values(arguments)
    short = {entry: written[flag] for flag, entry in ENTRIES.items() if flag in written}
    return engine_flags.entries(FLAG, arguments) | short


def is_own(arguments: Sequence[str]) -> bool:
    """The model's own layers propose tokens (multi-token prediction)."""
    return str(configured(arguments).get("method", "")).endswith("mtp")


def own(model: ModelFacts) -> DraftFacts:
    """The one layer of a model that proposes its tokens; its weights are among the model's."""
    if model.latent:
        return DraftFacts(f"a layer of {model.id}", 0, model.latent.cached, 1)
    cached = 2 * model.kv_heads * model.head_dim
    return DraftFacts(f"a layer of {model.id}", 0, cached, model.kv_heads)


def from_config(name: str, config: JsonView, size: int, missing: tuple[str, ...]) -> DraftFacts:
    """The facts of a draft model; one without attention (Medusa, n-grams) has no cache."""
    try:
        text = {**config, **(config.get("transformer_layer_config") or {})}
        heads = int(text.get("num_attention_heads") or 0)
        held = int(text.get("num_key_value_heads") or heads)
        width = int(text.get("head_dim") or (int(text["hidden_size"]) // heads if heads else 0))
        layers = int(text.get("num_hidden_layers") or 1)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The config.json of {name} describes no draft model: {error}.") from error
    return DraftFacts(name, size, 2 * layers * held * width, max(1, held), missing)
