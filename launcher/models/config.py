"""Facts from the content of a config.json, or of a GGUF file's header.

Their JSON is open: a maker may write anything, so each entry is checked where it is read.
"""

from typing import Final

from launcher.errors import ModelError
from launcher.json_types import Json
from launcher.models import entries, parsers, purpose, quantization_config
from launcher.models.entries import count
from launcher.models.facts import ModelFacts
from launcher.models.families import DEFAULTS, Config

# Parts of a config.json that describe what a gateway for text never uses.
OTHER_SENSES: Final = ("vision_config", "audio_config", "vision_tower_config")
CONTEXT: Final = 2048  # vLLM's own where no entry says one


def from_config(config: Config, *, source: str, template: str = "") -> ModelFacts:
    """Facts from the content of a config.json; ModelError names the entry that is missing."""
    try:
        text: Config = {**config, **config.get("text_config", {})}
        model_type = str(text.get("model_type", ""))
        types = (str(config.get("model_type") or model_type), model_type)
        text = entries.rename({**DEFAULTS.get(model_type, {}), **text})
        dtype = text.get("dtype") or text.get("torch_dtype") or "float32"
        own = quantization_config.description(config)
        quantization = quantization_config.method(own)
        return ModelFacts(
            id=source,
            source=source,
            architecture=purpose.class_name(config) or model_type,
            model_type=model_type,
            quantization=quantization,
            bits=quantization_config.bits(own) if quantization else None,
            dtype=str(dtype).removeprefix("torch."),
            chat_template=model_type == "gpt_oss" or bool(template or config.get("chat_template")),
            reasoning_parser=parsers.reasoning_parser(types, template),
            tool_parser=parsers.tool_parser(types, template),
            purpose=purpose.other_purpose(config),
            own_code=purpose.own_code(config),
            is_multimodal=any(config.get(part) for part in OTHER_SENSES),
            **_shape(text),
        )
    except KeyError as error:
        raise ModelError(
            f"The config.json of {source} has no {error.args[0]}: fetch it again. For a model that "
            "names it otherwise, run vLLM yourself and set MMHIE_ENGINE_URL."
        ) from error
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"The config.json of {source} describes no model: {error}.") from error


def _shape(text: Config) -> Json:
    hidden, layers = count(text, "hidden_size"), count(text, "num_hidden_layers")
    heads = count(text, "num_attention_heads", default=1)
    context = entries.context(text, CONTEXT)
    window = count(text, "sliding_window", default=0)
    experts = count(text, "num_local_experts", default=0)
    latent = count(text, "kv_lora_rank", default=0)
    of_experts = ("moe_intermediate_size",) if experts else ()
    return {
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "kv_heads": count(text, "num_key_value_heads", default=heads),
        "head_dim": count(text, "head_dim", default=hidden // heads),
        "intermediate": count(text, *of_experts, "intermediate_size", default=4 * hidden),
        "vocab": count(text, "vocab_size"),
        "context": context,
        "experts": experts,
        "experts_per_token": count(text, "num_experts_per_tok", default=0),
        "latent": count(text, "qk_rope_head_dim") + latent if latent else 0,
        "sliding_layers": _sliding_layers(text, layers) if 0 < window < context else 0,
        "sliding_window": window if window < context else 0,
        "tied_embeddings": bool(text.get("tie_word_embeddings", True)),
    }


def _sliding_layers(text: Config, layers: int) -> int:
    """Return the number of sliding-window layers. All others count as full attention, even those
    with a small state instead of a cache."""
    if kinds := text.get("layer_types"):
        return sum(kind == "sliding_attention" for kind in kinds)
    if pattern := count(text, "sliding_window_pattern", default=0):
        return layers - layers // pattern
    return 0


def gguf_config(header: Config, kind: str) -> Config:
    """The header's entries under the names of a config.json."""
    names = {
        "num_hidden_layers": "block_count",
        "hidden_size": "embedding_length",
        "num_attention_heads": "attention.head_count",
        "num_key_value_heads": "attention.head_count_kv",
        "head_dim": "attention.key_length",
        "intermediate_size": "feed_forward_length",
        "max_position_embeddings": "context_length",
        "num_local_experts": "expert_count",
        "num_experts_per_tok": "expert_used_count",
        "sliding_window": "attention.sliding_window",
    }
    found = {ours: header.get(f"{kind}.{theirs}") for ours, theirs in names.items()}
    tokens = header.get("tokenizer.ggml.tokens", 0)
    return {
        "model_type": kind.replace("-", "_"),
        "vocab_size": header.get(f"{kind}.vocab_size")
        or (len(tokens) if isinstance(tokens, list) else tokens),
        "dtype": "bfloat16",
        "chat_template": "tokenizer.chat_template" in header,
        **{name: value for name, value in found.items() if value is not None},
    }
