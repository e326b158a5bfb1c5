"""Mistral's own description of a model (params.json) under the names of a config.json, as the
engine translates it (vllm/transformers_utils/configs/mistral.py).
"""

from typing import Final

from launcher.json_types import Json
from launcher.models.entries import optional

FILE: Final = "params.json"
NAMES: Final = {
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "hidden_dim": "intermediate_size",
}
REQUIRED: Final = ("dim", "n_layers", "n_heads", "vocab_size")
# Classes whose weights the engine also reads under Mistral's names (`maybe_remap_mistral`).
CLASSES: Final = ("MistralForCausalLM", "Ministral3ForCausalLM")
OF_EXPERTS: Final = {
    "num_experts": "num_experts",
    "num_experts_per_tok": "num_experts_per_tok",
    "expert_hidden_dim": "moe_intermediate_size",
    "num_shared_experts": "n_shared_experts",
    "first_k_dense_replace": "first_k_dense_replace",
}
FP8: Final = {"quant_method": "fp8", "activation_scheme": "dynamic"}
MOST_LAYERS: Final = 10_000
CONTEXT: Final = 128_000  # the engine's own where none is said


def translated(params: Json) -> Json:
    """The entries of a config.json; ValueError names one that no model can lack."""
    if absent := [name for name in REQUIRED if name not in params]:
        raise ValueError(f"it has no {absent[0]}")
    found = {NAMES.get(name, name): value for name, value in params.items()}
    experts = params.get("moe") or {}
    found |= {ours: experts[theirs] for theirs, ours in OF_EXPERTS.items() if theirs in experts}
    is_latent = bool(params.get("qk_nope_head_dim"))
    senses = params.get("vision_encoder") or params.get("multimodal")
    return {
        **found,
        "architectures": ["MixtralForCausalLM" if experts else "MistralForCausalLM"],
        "model_type": "deepseek_v3" if is_latent else "mistral",
        "max_position_embeddings": params.get("max_position_embeddings") or CONTEXT,
        "tie_word_embeddings": bool(params.get("tied_embeddings")),
        "dtype": params.get("dtype") or "bfloat16",
        "chat_template": True,  # mistral-common's
        **({"vision_config": senses} if senses else {}),
        **_windows(params.get("sliding_window"), optional(params, "n_layers")),
        **({"quantization_config": FP8} if params.get("quantization") else {}),
    }


def _windows(windows: object, layers: int) -> Json:
    """A list has a window for each of some layers, which repeat; null is the whole context."""
    if not isinstance(windows, list):
        return {}
    if layers > MOST_LAYERS:
        raise ValueError(f"n_layers is {layers}")
    kinds = ["sliding_attention" if window else "full_attention" for window in windows]
    repeated = kinds * (layers // max(1, len(kinds)))
    return {"sliding_window": next(filter(None, windows), None), "layer_types": repeated}
