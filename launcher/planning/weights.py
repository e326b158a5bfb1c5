"""Bytes of loaded weights: of the files, of a format, of a kernel's padding, of an adapter."""

import math
from typing import Final

from launcher.formats import FORMATS, Format
from launcher.models.facts import DTYPE_BYTES, ModelFacts

# Bytes per packed weight, scales included (MXFP4: 4 bits + 8 bits per 32 weights).
MXFP4_BYTES: Final = 4.25 / 8
# vLLM rounds the experts' shapes up to these: `mxfp4_round_up_hidden_size_and_intermediate_size`
# in fused_moe/oracle/mxfp4.py.
PADDED_HIDDEN: Final = 256
PADDED_INTERMEDIATE: Final = 128
UNKNOWN: Final = Format(bits=8)
LORA_RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # vLLM's MaxLoRARanks


def weight_bytes(model: ModelFacts, quantization: str | None, dtype: str = "auto") -> float:
    """Bytes of the loaded weights; the files' own size where they are served as they are."""
    if model.weight_bytes and quantization == model.quantization and dtype in ("auto", model.dtype):
        is_halved = (dtype, model.dtype, quantization) == ("auto", "float32", None)
        return model.weight_bytes / (2 if is_halved else 1)  # vLLM loads float32 in 16 bits
    plain = DTYPE_BYTES[loaded_dtype(model, dtype)]
    experts, linear = _packed_bytes(model, quantization, plain)
    packed = model.expert_parameters * experts + model.linear_parameters * linear
    return packed + model.embedding_parameters * plain


def file_bytes(model: ModelFacts) -> float:
    """Bytes of the published files; estimated by shape where nothing has listed them."""
    return model.weight_bytes or weight_bytes(model, model.quantization)


def loaded_dtype(model: ModelFacts, dtype: str) -> str:
    """`auto` keeps the checkpoint's type, but float32 becomes 16 bits (vLLM's own rule)."""
    if dtype != "auto":
        return dtype
    return model.dtype if model.dtype in ("bfloat16", "float16") else "bfloat16"


def _packed_bytes(model: ModelFacts, quantization: str | None, plain: int) -> tuple[float, float]:
    """Bytes per expert weight and per linear weight."""
    if quantization is None:
        return plain, plain
    if quantization == "mxfp4":
        return MXFP4_BYTES, plain if model.is_gpt_oss else MXFP4_BYTES
    bits = model.bits if quantization == model.quantization else None
    row = FORMATS.get(quantization, UNKNOWN)
    packed = ((bits or row.bits) + row.scale_bits) / 8
    return packed, packed


def padding_bytes(model: ModelFacts, quantization: str | None, tensor: int) -> float:
    """Bytes that MXFP4 experts grow by on each of `tensor` GPUs, for the kernel that pads most."""
    if quantization != "mxfp4" or not model.experts:
        return 0.0
    own = model.intermediate / tensor
    padded = _round_up(model.hidden, PADDED_HIDDEN) * _round_up(own, PADDED_INTERMEDIATE)
    return model.expert_parameters / tensor * MXFP4_BYTES * (padded / (model.hidden * own) - 1)


def _round_up(size: float, step: int) -> int:
    return math.ceil(size / step) * step


def buffer_rank(rank: int) -> int | None:
    """The smallest rank vLLM has buffers for that holds an adapter's; None where none does."""
    return next((size for size in LORA_RANKS if size >= rank), None)


def lora_bytes(model: ModelFacts, rank: int, tensor: int) -> float:
    """Bytes of the buffers for one adapter of `rank`, which vLLM has for every layer it could name.

    Of the two matrices the one beside the split dimension is split over the GPUs.
    """
    heads = model.head_dim * (model.heads + model.kv_heads)
    attention = 4 * model.hidden + 2 * heads
    feed_forward = 3 * max(1, model.experts) * (model.hidden + model.intermediate)
    return 2 * model.layers * rank * (attention + feed_forward) * (1 + 1 / tensor) / 2
