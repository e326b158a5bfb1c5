"""Layers without a KV cache: linear attention, state spaces, short convolutions.

Each keeps a state of a fixed size for a sequence instead (layers/mamba/mamba_utils.py in vLLM).
"""

from typing import Final

from launcher.json_types import JsonView
from launcher.models.entries import first, optional

KINDS: Final = frozenset({"linear_attention", "mamba", "mamba2", "conv", "recurrent", "kda"})
WIDE: Final = 4  # bytes of a state that the model wants in float32
NARROW: Final = 2


def layers(text: JsonView, count: int) -> int:
    """The number of such layers among `count`, as different families write it down."""
    if kinds := text.get("layer_types") or text.get("layers_block_type"):
        return sum(kind in KINDS for kind in kinds)
    if pattern := text.get("hybrid_override_pattern"):
        return count - str(pattern).count("*")
    if full := (text.get("linear_attn_config") or {}).get("full_attn_layers"):
        return count - len(full)
    if kinds := text.get("attn_type_list"):
        return sum(kind == 0 for kind in kinds)
    if blocks := text.get("block_configs"):
        return sum(bool((block.get("attention") or {}).get("no_op")) for block in blocks)
    period = optional(text, "full_attention_interval", "attn_layer_period")
    return count - count // period if period > 0 else 0


def state_bytes(text: JsonView) -> int:
    """Bytes of one sequence's state in one such layer; 0 where the family is not known here."""
    wide = WIDE if text.get("mamba_ssm_dtype") == "float32" else NARROW
    if text.get("linear_num_value_heads"):
        return _gated_delta_net(text, wide)
    if heads := optional(text, "mamba_num_heads", "mamba_n_heads", "num_heads"):
        return _mamba(text, heads, wide)
    if state := optional(text, "mamba_d_state", "state_size"):
        return _first_mamba(text, state, wide)
    if kept := optional(text, "conv_L_cache"):
        return first(text, "hidden_size") * (kept - 1) * NARROW
    return 0


def _gated_delta_net(text: JsonView, wide: int) -> int:
    keys, values = first(text, "linear_num_key_heads"), first(text, "linear_num_value_heads")
    key, value = first(text, "linear_key_head_dim"), first(text, "linear_value_head_dim")
    convolved = (2 * key * keys + value * values) * (first(text, "linear_conv_kernel_dim") - 1)
    return convolved * NARROW + values * value * key * wide


def _mamba(text: JsonView, heads: int, wide: int) -> int:
    width = optional(text, "mamba_head_dim", "mamba_d_head", "head_dim")
    state = optional(text, "ssm_state_size", "mamba_d_state", "state_size")
    groups = optional(text, "n_groups", "mamba_n_groups") or 1
    kernel = optional(text, "conv_kernel", "mamba_d_conv") or 4
    convolved = (heads * width + 2 * groups * state) * (kernel - 1)
    return convolved * NARROW + heads * width * state * wide


def _first_mamba(text: JsonView, state: int, wide: int) -> int:
    """Of Mamba's first version, which has no heads."""
    width = (optional(text, "mamba_expand", "expand") or 2) * first(text, "hidden_size")
    kernel = optional(text, "mamba_d_conv", "conv_kernel") or 4
    return width * (kernel - 1) * NARROW + width * state * wide
