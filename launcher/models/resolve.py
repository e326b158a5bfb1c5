"""From a model's name to its facts: folder, adapter, GGUF file, hub cache or known family."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from launcher.errors import ModelError
from launcher.formats import ALIASES, FORMATS
from launcher.models import families, gguf_header
from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.settings import LauncherSettings, hub_cache

MERGE_RECORD: Final = "mmhie_merge.json"
# What a chat template shows of a model that thinks, and vLLM's parser for it.
REASONING_MARKS: Final = (("enable_thinking", "qwen3"), ("<think>", "deepseek_r1"))
# Entries of an adapter_config.json that change more than W + scale * B A.
BEYOND_LORA: Final = (
    "use_dora",
    "modules_to_save",
    "target_parameters",
    "fan_in_fan_out",
    "layer_replication",
    "lora_bias",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "use_bdlora",
    "use_qalora",
    "velora_config",
)
GGUF_BITS: Final = {0: 32, 1: 16, 2: 4, 3: 4, 7: 8, 8: 5, 9: 5, 10: 2, 18: 6, 32: 16}


def read_model(settings: LauncherSettings, *, hub: Path | None = None) -> ModelFacts:
    """Facts of the configured model; raises ModelError when nothing here knows it."""
    name = settings.model
    hub = hub or hub_cache()
    adapter = _adapter(name, hub, settings.reasoner_revision)
    if adapter is None:
        facts = _base(name, hub, settings.reasoner_revision)
        return replace(facts, id=public_id(name))
    base = settings.base_model or families.original(adapter.base)
    if not base:
        raise ModelError(f"The adapter {name} does not name its base; set MMHIE_BASE_MODEL.")
    shown = replace(adapter, base=public_id(base))
    return replace(_base(base, hub, None), id=public_id(name), adapter=shown)


def read_made(model: ModelFacts, folder: Path) -> ModelFacts:
    """Facts of the checkpoint that was made from this model, in this folder."""
    was_gguf = model.format == "gguf" or model.source == families.EMBEDDED
    return replace(_from_folder(folder), id=model.id, dequantized=was_gguf)


def public_id(name: str) -> str:
    """What clients call the model: a hub id as it is, a path by its last part only."""
    path = Path(name).expanduser()
    return path.resolve().name if path.exists() or path.is_absolute() else name


def _base(name: str, hub: Path, revision: str | None) -> ModelFacts:
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        return _from_gguf(path)
    if path.is_dir():
        return _from_folder(path)
    snapshot = _snapshot(name, hub, revision)
    if snapshot is not None and (snapshot / "config.json").is_file():
        return replace(_from_folder(snapshot), id=name, revision=snapshot.name)
    return _from_family(name, revision)


def _from_family(name: str, revision: str | None) -> ModelFacts:
    config = families.CONFIGS.get(name)
    if config is None and Path(name).expanduser().is_absolute():
        raise ModelError(f"There is no {name}; give a folder with a config.json, or a hub id.")
    if config is None:
        raise ModelError(
            f"{name} is neither a folder, nor in the hub cache, nor a model known here: run "
            f"`mmhie fetch {name}` first, or give a folder with its config.json."
        )
    facts = from_config(config, source=name)
    return replace(facts, revision=revision)


def _from_folder(folder: Path) -> ModelFacts:
    config = _json(folder / "config.json")
    if not config:
        found = (folder / "config.json").is_file()
        what = "an empty config.json" if found else "no config.json"
        raise ModelError(f"{folder} has {what}, so it is not a model folder.")
    template = chat_template(folder)
    facts = from_config(config, source=str(folder), template=template)
    return replace(
        facts, local=True, weight_bytes=_weight_bytes(folder), adapter=_merged_adapter(folder)
    )


def from_config(config: Mapping[str, Any], *, source: str, template: str = "") -> ModelFacts:
    """Facts from the content of a config.json; ModelError names the entry that is missing."""
    try:
        text: Mapping[str, Any] = {**config, **config.get("text_config", {})}
        model_type = str(text.get("model_type", ""))
        quantization, bits = _quantization(config)
        return ModelFacts(
            id=source,
            source=source,
            architecture=(config.get("architectures") or [model_type])[0],
            model_type=model_type,
            quantization=quantization,
            bits=bits,
            dtype=_dtype(text),
            chat_template=_has_template(model_type, config, template),
            reasoning_parser=_reasoning_parser(model_type, template),
            **_shape(text),
        )
    except KeyError as error:
        raise ModelError(f"The config.json of {source} has no {error.args[0]}.") from error
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"The config.json of {source} describes no model: {error}.") from error


def _shape(text: Mapping[str, Any]) -> dict[str, Any]:
    hidden = _first(text, "hidden_size", "n_embd", "d_model")
    heads = _first(text, "num_attention_heads", "n_head")
    layers = _first(text, "num_hidden_layers", "n_layer")
    window = int(text.get("sliding_window") or 0)
    experts = _optional(text, "num_local_experts", "num_experts", "n_routed_experts")
    return {
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "kv_heads": int(text.get("num_key_value_heads") or heads),
        "head_dim": int(text.get("head_dim") or hidden // heads),
        "intermediate": _intermediate(text, hidden, experts),
        "vocab": _first(text, "vocab_size"),
        "context": _first(text, "max_position_embeddings", "n_positions", "n_ctx"),
        "experts": experts,
        "experts_per_token": _optional(text, "num_experts_per_tok", "experts_per_token"),
        "sliding_layers": _sliding_layers(text, layers, window),
        "sliding_window": window,
        "tied_embeddings": bool(text.get("tie_word_embeddings", True)),
    }


def _intermediate(text: Mapping[str, Any], hidden: int, experts: int) -> int:
    of_experts = ("moe_intermediate_size",) if experts else ()
    return _optional(text, *of_experts, "intermediate_size", "ffn_dim", "n_inner") or 4 * hidden


def _sliding_layers(text: Mapping[str, Any], layers: int, window: int) -> int:
    kinds = text.get("layer_types")
    if kinds:
        return sum(kind == "sliding_attention" for kind in kinds)
    return layers if window and text.get("use_sliding_window", True) else 0


def _first(text: Mapping[str, Any], *names: str) -> int:
    for name in names:
        if text.get(name) is not None:
            return _positive(name, text[name])
    raise KeyError(names[0])


def _positive(name: str, value: object) -> int:
    if not isinstance(value, (int, float)) or value < 1:
        raise ValueError(f"{name} is {value!r}")
    return int(value)


def _optional(text: Mapping[str, Any], *names: str) -> int:
    return next((int(text[name]) for name in names if text.get(name)), 0)


def _dtype(text: Mapping[str, Any]) -> str:
    named = str(text.get("dtype") or text.get("torch_dtype") or "float32")
    return named.removeprefix("torch.")


def _quantization(config: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """The checkpoint's own method and bits per packed weight (quantization_config)."""
    own = config.get("quantization_config")
    if not own:
        return None, None
    named = str(own.get("quant_method", "")).replace("_", "-").lower()
    method = ALIASES.get(named, named)
    return method, _bits(method, own)


def _bits(method: str, own: Mapping[str, Any]) -> int:
    groups = own.get("config_groups") or {}
    grouped = [(group.get("weights") or {}).get("num_bits") for group in groups.values()]
    named = [own.get("bits"), own.get("w_bit"), *grouped]
    usual = FORMATS[method].bits if method in FORMATS and not own.get("load_in_8bit") else 8
    return int(next((bits for bits in named if bits), usual))


def chat_template(folder: Path) -> str:
    """The folder's chat template, or an empty string when the model has none."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text()
    named = _json(folder / "tokenizer_config.json").get("chat_template", "")
    return named if isinstance(named, str) else json.dumps(named)


def _has_template(model_type: str, config: Mapping[str, Any], template: str) -> bool:
    return model_type == "gpt_oss" or bool(template) or bool(config.get("chat_template"))


def _reasoning_parser(model_type: str, template: str) -> str | None:
    if model_type == "gpt_oss":
        return "openai_gptoss"
    return next((parser for mark, parser in REASONING_MARKS if mark in template), None)


def _weight_bytes(folder: Path) -> int | None:
    files = list(folder.glob("*.safetensors")) or list(folder.glob("pytorch_model*.bin"))
    return sum(file.stat().st_size for file in files) or None


def _from_gguf(path: Path) -> ModelFacts:
    if not path.is_file():
        raise ModelError(f"The file {path} does not exist.")
    header = gguf_header.read(path)
    kind = str(header.get("general.architecture", ""))
    facts = from_config(_gguf_config(header, kind), source=str(path))
    return replace(
        facts,
        format="gguf",
        local=True,
        quantization="gguf",
        bits=GGUF_BITS.get(header.get("general.file_type", -1), 4),
        weight_bytes=path.stat().st_size,
    )


def _gguf_config(header: Mapping[str, Any], kind: str) -> dict[str, Any]:
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
        or (tokens if isinstance(tokens, int) else len(tokens)),
        "dtype": "bfloat16",
        "chat_template": "tokenizer.chat_template" in header,
        **{name: value for name, value in found.items() if value is not None},
    }


def _adapter(name: str, hub: Path, revision: str | None) -> AdapterFacts | None:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _snapshot(name, hub, revision) or folder
    config: Mapping[str, Any] = _json(folder / "adapter_config.json")
    if config:
        return adapter_from_config(config, id=public_id(name), source=str(folder))
    known = families.ADAPTERS.get(name)
    return adapter_from_config(known, id=name, source=name) if known else None


def base_of(folder: Path) -> str | None:
    """The hub id of the model an adapter's folder was trained on; None when it is no adapter."""
    base = _json(folder / "adapter_config.json").get("base_model_name_or_path")
    return families.original(str(base)) if base else None


def adapter_from_config(config: Mapping[str, Any], *, id: str, source: str) -> AdapterFacts:
    """Facts from the content of an adapter_config.json; ModelError when it describes none."""
    try:
        return _adapter_facts(config, id=id, source=source)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(
            f"The adapter_config.json of {source} describes no adapter: {error}."
        ) from error


def _adapter_facts(config: Mapping[str, Any], *, id: str, source: str) -> AdapterFacts:
    targets = config.get("target_modules") or ()
    ranks = {"r": config.get("r", 8), **(config.get("rank_pattern") or {})}
    return AdapterFacts(
        id=id,
        source=source,
        base=str(config.get("base_model_name_or_path") or ""),
        rank=max(_positive(name, rank) for name, rank in ranks.items()),
        alpha=float(config.get("lora_alpha", 8)),
        targets=(targets,) if isinstance(targets, str) else tuple(sorted(targets)),
        unmergeable=_unmergeable(config),
    )


def _unmergeable(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What this adapter has besides plain LoRA matrices, which cannot be folded in exactly."""
    kind = str(config.get("peft_type", "LORA"))
    found = [] if kind == "LORA" else [f"peft_type {kind}"]
    found += [name for name in BEYOND_LORA if config.get(name)]
    if config.get("bias", "none") != "none":
        found.append("bias")
    return tuple(found)


def _merged_adapter(folder: Path) -> AdapterFacts | None:
    record = _json(folder / MERGE_RECORD)
    if not record:
        return None
    return AdapterFacts(
        id=record["adapter"],
        source=str(folder),
        base=record["base"],
        rank=record["rank"],
        alpha=record["alpha"],
        targets=tuple(record["targets"]),
        merged=True,
    )


def _snapshot(name: str, hub: Path, revision: str | None) -> Path | None:
    """The folder of a hub id in the hub's cache, if it was ever downloaded."""
    repository = hub / f"models--{name.replace('/', '--')}"
    reference = repository / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = repository / "snapshots" / (commit or "main")
    return snapshot if snapshot.is_dir() else None


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    return content if isinstance(content, dict) else {}
