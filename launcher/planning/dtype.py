"""The dtypes of weights and KV cache: as set, or one this GPU has, or refused with the remedy."""

from typing import Final

from launcher.errors import PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Device, Hardware
from launcher.planning.weights import loaded_dtype

BFLOAT16_SINCE: Final = (8, 0)
# 8-bit KV caches: natively (triton_attn.py, triton_mla.py), or by FlashInfer's kernels.
FP8_CACHE_SINCE: Final = (8, 9)
FLASHINFER_SINCE: Final = (8, 0)
# Numerically unstable in float16: vLLM, config/model.py, `_FLOAT16_NOT_SUPPORTED_MODELS`.
NO_FLOAT16: Final = frozenset({"gemma2", "gemma3", "gemma3_text", "glm4"})
# Formats whose kernels take float32 activations: `get_supported_act_dtypes()`.
WITH_FLOAT32: Final = frozenset({None, "bitsandbytes", "compressed-tensors", "gguf", "torchao"})


def choose_dtype(
    wanted: str, model: ModelFacts, method: str | None, hardware: Hardware, device: Device
) -> str | None:
    """vLLM's --dtype, or None to leave it to the checkpoint; raises PlanError.

    `auto` becomes float16 on a GPU without bfloat16 (float32 for models that float16 breaks).
    """
    has_bfloat16 = device != "cuda" or hardware.capability >= BFLOAT16_SINCE
    if wanted == "auto" and (has_bfloat16 or loaded_dtype(model, wanted) != "bfloat16"):
        return None
    instead = "float32" if model.model_type in NO_FLOAT16 else "float16"
    chosen = instead if wanted == "auto" else wanted
    if reason := _obstacle(chosen, model, method, device, has_bfloat16=has_bfloat16):
        other = "another GPU" if wanted == "auto" else "MMHIE_DTYPE=auto"
        raise PlanError(f"Weights cannot be loaded as {chosen}: {reason}; use {other}.")
    return chosen


def _obstacle(
    dtype: str, model: ModelFacts, method: str | None, device: Device, *, has_bfloat16: bool
) -> str | None:
    if dtype == "bfloat16" and not has_bfloat16:
        return "this GPU is older than bfloat16 (compute capability 8.0)"
    if dtype == "float16" and model.model_type in NO_FLOAT16:
        return f"{model.model_type} is numerically unstable in float16"
    if dtype != "bfloat16" and model.is_gpt_oss and method == "mxfp4":
        return "vLLM runs the MXFP4 experts of gpt-oss in bfloat16 only"
    if dtype == "float32" and model.latent and device == "cuda":
        return "vLLM has no latent attention (MLA) for float32 on a GPU"
    if dtype == "float32" and method not in WITH_FLOAT32:
        return f"vLLM has no {method} kernels for float32"
    return None


def choose_kv_dtype(
    wanted: str, model: ModelFacts, hardware: Hardware, device: Device, dtype: str = "auto"
) -> str:
    """vLLM's --kv-cache-dtype beside MMHIE_DTYPE; PlanError where no kernel reads 8 bits.

    vLLM's configuration takes it everywhere, and the engine ends when the first layer is made.
    """
    if device == "cpu":
        return "auto"
    if wanted == "auto" and model.kv_dtype:  # the checkpoint has scales for it
        wide = "bfloat16" if hardware.capability >= BFLOAT16_SINCE else "float16"
        # nobody asked for kernels that have to be compiled
        return wide if is_compiled_at_start(model.kv_dtype, hardware) else model.kv_dtype
    # for attention with sinks, or latent, vLLM has Triton's kernels only on Ampere and Ada
    needs_triton = model.is_gpt_oss or model.latent is not None
    is_read = not needs_triton and dtype != "float32"
    has_flashinfer = hardware.capability >= FLASHINFER_SINCE and is_read
    if wanted == "auto" or hardware.capability >= FP8_CACHE_SINCE or has_flashinfer:
        return wanted
    subject = "float32" if dtype == "float32" else "this model"
    raise PlanError(
        f"MMHIE_KV_CACHE_DTYPE={wanted} cannot run: below compute capability 8.9 vLLM has no "
        f"attention kernel that reads an 8-bit cache for {subject}; set it to auto."
    )


def is_compiled_at_start(kv_dtype: str, hardware: Hardware) -> bool:
    """The cache is read by FlashInfer alone, which compiles its kernels where they run."""
    return kv_dtype == "fp8" and hardware.capability < FP8_CACHE_SINCE
