"""Facts from the content of config.json, adapter_config.json and a GGUF file's header.

Their JSON is open: a maker may write anything, so each entry is checked where it is read.
"""

from collections.abc import Sequence
from typing import Final

from launcher.errors import ModelError
from launcher.formats import ALIASES, FORMATS, READ, REQUIRED
from launcher.json_types import Json
from launcher.models import architectures, entries, linear_attention
from launcher.models.facts import AdapterFacts, LatentAttention, ModelFacts
from launcher.models.families import (
    APPLIED_WHILE_SERVING,
    BEYOND_LORA,
    DEFAULTS,
    PLAIN_INITS,
    Config,
)
from launcher.models.numbers import finite, first, optional, positive

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
GPTQ: Final = ("gptq", "auto-gptq", "gptq-marlin")
INSTEAD: Final = (
    "use the 16-bit weights that they were made from, or a copy in gptq, awq, fp8 or "
    "compressed-tensors"
)
# Parts of a config.json that describe what a gateway for text never uses.
OTHER_SENSES: Final = ("vision_config", "audio_config", "vision_tower_config")


def from_config(config: Config, *, source: str, template: str = "") -> ModelFacts:
    """Facts from the content of a config.json; ModelError names the entry that is missing."""
    try:
        text: Config = {**config, **config.get("text_config", {})}
        model_type = str(text.get("model_type", ""))
        family = str(config.get("model_type") or model_type)
        text = entries.rename({**DEFAULTS.get(model_type, {}), **text})
        own = _own_quantization(config)
        name = str(own.get("quant_method") or "").replace("_", "-").lower()
        quantization = ALIASES.get(name, name) or None
        bits = _bits(name, own) if name else None
        shape = _shape(text)
        return ModelFacts(
            id=source,
            source=source,
            architecture=architectures.name(config) or model_type,
            model_type=model_type,
            quantization=quantization,
            bits=bits,
            is_nvfp4=_is_nvfp4(own),
            kv_dtype="fp8" if _has_fp8_cache(own) else None,
            unreadable=_unreadable(name, bits, own) if name else None,
            dtype=_dtype(text),
            chat_template=_has_template(model_type, config, template),
            reasoning_parser=_reasoning_parser((family, model_type), template),
            tool_parser=_tool_parser((family, model_type), template),
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
    return {
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "kv_heads": optional(text, "num_key_value_heads") or heads,
        "head_dim": optional(text, "head_dim") or hidden // heads,
        "intermediate": _intermediate(text, hidden, experts),
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


def _intermediate(text: Config, hidden: int, experts: int) -> int:
    of_experts = ("moe_intermediate_size",) if experts else ()
    return optional(text, *of_experts, "intermediate_size") or 4 * hidden


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


def _dtype(text: Config) -> str:
    named = str(text.get("dtype") or text.get("torch_dtype") or "float32")
    return named.removeprefix("torch.")


def _own_quantization(config: Config) -> Config:
    """Return what a checkpoint says of its own format, in any of the places where vLLM looks for it."""
    parts = (config, config.get("text_config") or {})
    names = ("quantization_config", "compression_config")
    own: Config = next((part[name] for part in parts for name in names if part.get(name)), {})
    inner = own.get("quantization")
    own = {**(inner if isinstance(inner, dict) else {}), **own}
    is_nameless = not own.get("quant_method") and "producer" in own
    return {**own, "quant_method": "modelopt"} if is_nameless else own


def _unreadable(name: str, bits: int | None, own: Config) -> str | None:
    """The reason vLLM has no loader for weights in this format, on any device."""
    if name not in READ:
        return f"vLLM does not read {name}; {INSTEAD}"
    if READ[name] and bits not in READ[name]:
        *others, last = map(str, READ[name])
        able = " or ".join(filter(None, (", ".join(others), last)))
        return f"vLLM reads {name} with {able} bits, and these have {bits}; {INSTEAD}"
    if name in GPTQ and own.get("sym") is False:
        return "vLLM reads symmetric GPTQ only; use one with sym=true"
    if name in GPTQ and own.get("desc_act") and own.get("group_size") != -1:
        return "vLLM no longer reads GPTQ with activation order; use one with desc_act=false"
    return _refusal(name, own)


def _refusal(name: str, own: Config) -> str | None:
    """The reason vLLM does not take this description of a format that it reads."""
    if (own.get("sparsity_config") or {}).get("targets"):
        return f"vLLM no longer reads sparse weights; {INSTEAD}"
    if own.get("weight_block_size") and own.get("activation_scheme", "dynamic") != "dynamic":
        return f"vLLM reads fp8 in blocks with dynamic activations only; {INSTEAD}"
    needed = (names for names in REQUIRED.get(name, ()) if all(own.get(n) is None for n in names))
    absent = next(needed, None)
    return f"its quantization_config has no {absent[0]}: fetch it again" if absent else None


def _is_nvfp4(own: Config) -> bool:
    """4 bits in groups of 16 with a scale of 8, by ModelOpt or compressed-tensors."""
    groups = (own.get("config_groups") or {}).values()
    formats = [own.get("format"), own.get("quant_algo"), *(group.get("format") for group in groups)]
    return any("nvfp4" in str(name).lower() for name in formats)


def _has_fp8_cache(own: Config) -> bool:
    """The checkpoint has scales for a KV cache of 8 bits, which vLLM then uses by itself."""
    scheme = own.get("kv_cache_scheme")
    of_8_bits = isinstance(scheme, dict) and (scheme.get("num_bits"), scheme.get("type"))
    return of_8_bits == (8, "float") or str(own.get("kv_cache_quant_algo")).upper() == "FP8"


def _bits(name: str, own: Config) -> int:
    if _is_nvfp4(own):
        return 4
    groups = own.get("config_groups") or {}
    grouped = [(group.get("weights") or {}).get("num_bits") for group in groups.values()]
    named = [own.get("bits"), own.get("w_bit"), *grouped]
    row = FORMATS.get(ALIASES.get(name, name))
    usual = row.bits if row and not own.get("load_in_8bit") else 8
    return positive("bits", next((bits for bits in named if bits), usual))


def _has_template(model_type: str, config: Config, template: str) -> bool:
    return model_type == "gpt_oss" or bool(template) or bool(config.get("chat_template"))


def _reasoning_parser(types: Sequence[str], template: str) -> str | None:
    if "gpt_oss" in types:
        return "openai_gptoss"
    found = [architectures.reasoning_parser(name, template) for name in types]
    if any(found):
        return next(filter(None, found))
    return next((parser for mark, parser in REASONING_MARKS if mark in template), None)


def _tool_parser(types: Sequence[str], template: str) -> str | None:
    if "gpt_oss" in types:
        return "openai"
    found = [architectures.tool_parser(name, template) for name in types]
    if any(found):
        return next(filter(None, found))
    return next((parser for mark, parser in TOOL_MARKS if mark in template), None)


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


def adapter_from_config(config: Config, *, id: str, source: str) -> AdapterFacts:
    """Facts from the content of an adapter_config.json; ModelError when it describes none."""
    try:
        return _adapter_facts(config, id=id, source=source)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(
            f"The adapter_config.json of {source} describes no adapter: {error}."
        ) from error


def _adapter_facts(config: Config, *, id: str, source: str) -> AdapterFacts:
    targets = config.get("target_modules") or ()
    parameters = config.get("target_parameters") or ()
    if odd := [name for name in targets if not isinstance(name, str)]:
        raise ValueError(f"target_modules names {odd[0]!r}")
    beyond = _beyond_lora(config)
    ranks = {"r": config.get("r", 8), **(config.get("rank_pattern") or {})}
    return AdapterFacts(
        id=id,
        source=source,
        base=str(config.get("base_model_name_or_path") or ""),
        rank=max(positive(name, rank) for name, rank in ranks.items()),
        alpha=finite("lora_alpha", config.get("lora_alpha", 8)),
        targets=(targets,) if isinstance(targets, str) else tuple(sorted((*targets, *parameters))),
        unmergeable=beyond,
        unservable=tuple(one for one in beyond if one not in APPLIED_WHILE_SERVING),
    )


def _beyond_lora(config: Config) -> tuple[str, ...]:
    """Parts of this adapter besides plain LoRA matrices, which cannot be folded in exactly."""
    kind = str(config.get("peft_type", "LORA"))
    found = [] if kind == "LORA" else [f"peft_type {kind}"]
    found += [name for name in BEYOND_LORA if config.get(name)]
    if config.get("bias", "none") != "none":
        found.append("bias")
    init = config.get("init_lora_weights", True)
    if isinstance(init, str) and init.lower() not in PLAIN_INITS:
        found.append(f"init_lora_weights {init}")
    return tuple(found)
