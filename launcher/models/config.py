"""Facts from the content of a config.json, or of a GGUF file's header.

Their JSON is open: a maker may write anything, so each entry is checked where it is read.
"""

from collections.abc import Callable, Sequence
from typing import Final

from launcher.errors import ModelError
from launcher.formats import ALIASES
from launcher.json_types import Json
from launcher.models import architectures, entries, linear_attention, quantization_config
from launcher.models.architectures import reasoning_parser, tool_parser
from launcher.models.entries import first, optional
from launcher.models.facts import LatentAttention, ModelFacts
from launcher.models.families import DEFAULTS, Config

# Marks in the chat template of a model that reasons, and vLLM's parser where its family has none.
REASONING_MARKS: Final = (("<think>", "deepseek_r1"),)
# Marks in the chat template of a model that calls tools, and vLLM's parser of its calls; the first
# that is found counts, since some families share a mark.
TOOL_MARKS: Final = (
    ("<arg_key>", "glm45"),
    ("<function=", "qwen3_coder"),
    ("<tool_call>", "hermes"),
    ("<|python_tag|>", "llama3_json"),
    ("[TOOL_CALLS]", "mistral"),
    ("<\uff5ctool\u2581calls\u2581begin\uff5c>", "deepseek_v3"),
)
# Parts of a config.json that describe what a gateway for text never uses.
OTHER_SENSES: Final = ("vision_config", "audio_config", "vision_tower_config")


def from_config(config: Config, *, source: str, template: str = "") -> ModelFacts:
    """Facts from the content of a config.json; ModelError names the entry that is missing."""
    try:
        text: Config = {**config, **config.get("text_config", {})}
        model_type = str(text.get("model_type", ""))
        types = (str(config.get("model_type") or model_type), model_type)
        text = entries.rename({**DEFAULTS.get(model_type, {}), **text})
        dtype = text.get("dtype") or text.get("torch_dtype") or "float32"
        own = quantization_config.description_of(config)
        name = str(own.get("quant_method") or "").replace("_", "-").lower()
        quantization = ALIASES.get(name, name) or None
        bits = quantization_config.bits_of(name, own) if name else None
        shape = _shape(text)
        return ModelFacts(
            id=source,
            source=source,
            architecture=architectures.name(config) or model_type,
            model_type=model_type,
            quantization=quantization,
            bits=bits,
            is_nvfp4=quantization_config.is_nvfp4(own),
            kv_dtype="fp8" if quantization_config.has_fp8_cache(own) else None,
            unreadable=quantization_config.unreadable(name, bits, own) if name else None,
            dtype=str(dtype).removeprefix("torch."),
            chat_template=model_type == "gpt_oss" or bool(template or config.get("chat_template")),
            reasoning_parser=_parser(types, template, REASONING_MARKS, reasoning_parser),
            tool_parser=_parser(types, template, TOOL_MARKS, tool_parser),
            purpose=architectures.other_purpose(config)
            or architectures.eagle(source, shape["layers"]),
            own_code=architectures.own_code(config),
            is_multimodal=any(config.get(part) for part in OTHER_SENSES),
            **shape,
        )
    except KeyError as error:
        if purpose := architectures.other_purpose(config):
            name = architectures.name(config)
            raise ModelError(architectures.refusal(source, purpose, name)) from error
        raise ModelError(
            f"The config.json of {source} has no {error.args[0]}: fetch it again."
        ) from error
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"The config.json of {source} describes no model: {error}.") from error


def _shape(text: Config) -> Json:
    hidden = first(text, "hidden_size")
    heads = first(text, "num_attention_heads")
    layers = first(text, "num_hidden_layers")
    context = entries.context(text)
    window = _window(text, context)
    experts = optional(text, "num_local_experts")
    of_experts = ("moe_intermediate_size",) if experts else ()
    return {
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "kv_heads": optional(text, "num_key_value_heads") or heads,
        "head_dim": optional(text, "head_dim") or hidden // heads,
        "intermediate": optional(text, *of_experts, "intermediate_size") or 4 * hidden,
        "vocab": first(text, "vocab_size"),
        "context": context,
        "experts": experts,
        "experts_per_token": optional(text, "num_experts_per_tok"),
        "shared_experts": optional(text, "n_shared_experts") if experts else 0,
        "dense_layers": optional(text, "first_k_dense_replace") if experts else 0,
        "dense_intermediate": optional(text, "intermediate_size"),
        "latent": _latent(text),
        "sliding_layers": _sliding_layers(text, layers, window),
        "linear_layers": (linear := linear_attention.layers(text, layers)),
        "state_bytes": linear_attention.state_bytes(text) if linear else 0,
        "sliding_window": window,
        "tied_embeddings": bool(text.get("tie_word_embeddings", True)),
    }


def _latent(text: Config) -> LatentAttention | None:
    """The multi-head latent attention of DeepSeek and those who took it over."""
    if not text.get("kv_lora_rank"):
        return None
    return LatentAttention(
        kv_rank=first(text, "kv_lora_rank"),
        rope=first(text, "qk_rope_head_dim"),
        nope=first(text, "qk_nope_head_dim"),
        value=first(text, "v_head_dim"),
        query_rank=optional(text, "q_lora_rank"),
    )


def _window(text: Config, context: int) -> int:
    """The tokens that a sliding layer sees, or 0 where that is the whole context."""
    window = optional(text, "sliding_window")
    return window if window < context else 0


def _sliding_layers(text: Config, layers: int, window: int) -> int:
    if not window:
        return 0
    kinds = text.get("layer_types")
    if kinds:
        return sum(kind == "sliding_attention" for kind in kinds)
    if pattern := optional(text, "sliding_window_pattern"):
        return layers - layers // pattern
    return layers if text.get("use_sliding_window", True) else 0


def _parser(
    types: Sequence[str],
    template: str,
    marks: Sequence[tuple[str, str]],
    of_family: Callable[[str, str], str | None],
) -> str | None:
    """vLLM's parser for the model's family, else for the first mark in its chat template."""
    by_family = [of_family(name, template) for name in types]
    by_mark = [parser for mark, parser in marks if mark in template]
    return next(filter(None, (*by_family, *by_mark)), None)


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
