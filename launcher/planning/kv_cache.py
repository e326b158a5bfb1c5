"""Bytes of the keys and values of a request, layer by layer."""

import math
from typing import Final

from launcher.models.facts import ModelFacts

BLOCK_TOKENS: Final = 16
CACHED_BYTES: Final = {"fp8": 1, "float32": 4}


def kv_bytes_per_layer(model: ModelFacts, kv_dtype: str) -> float:
    """Bytes of one token's keys and values in one layer; MLA has one latent for both."""
    width = model.latent or 2 * model.kv_heads * model.head_dim
    return width * CACHED_BYTES.get(kv_dtype, 2)


def kv_bytes_per_token(model: ModelFacts, kv_dtype: str = "auto") -> float:
    """Bytes that one more token costs beyond every window."""
    return model.full_layers * kv_bytes_per_layer(model, kv_dtype)


def request_bytes(model: ModelFacts, tokens: int, kv_dtype: str = "auto") -> float:
    """Bytes of one request of `tokens` in whole blocks; a sliding layer has its window at most."""
    whole = _blocks(tokens) * BLOCK_TOKENS
    cached = model.full_layers * whole + model.sliding_layers * min(whole, model.sliding_window)
    return cached * kv_bytes_per_layer(model, kv_dtype)


def longest_bytes(model: ModelFacts, tokens: int, in_flight: int, kv_dtype: str = "auto") -> float:
    """Bytes of one request that fills the context, as vLLM counts it before it starts.

    Sliding layers have what is in flight beside their window, and a block more, for a window
    begins anywhere (`SlidingWindowSpec` in v1/kv_cache_interface.py).
    """
    full, sliding = _pad_groups(model.full_layers, model.sliding_layers)
    visible = min(model.sliding_window - 1 + in_flight, tokens)
    blocks = full * _blocks(tokens) + sliding * (_blocks(visible) + 1)
    return blocks * BLOCK_TOKENS * kv_bytes_per_layer(model, kv_dtype)


def _blocks(tokens: int) -> int:
    return math.ceil(tokens / BLOCK_TOKENS)


def _pad_groups(full: int, sliding: int) -> tuple[int, int]:
    """Layers of both kinds once they are in groups of one size, the last of each padded
    (`_get_kv_cache_groups_uniform_page_size` in v1/core/kv_cache_planning.py)."""
    if not full or not sliding:
        return full, sliding
    small, large = sorted((full, sliding))
    size = large if large < small * 1.5 else small
    return math.ceil(full / size) * size, math.ceil(sliding / size) * size
