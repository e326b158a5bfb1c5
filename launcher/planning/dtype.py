"""The data types of weights and KV cache that an engine on this hardware takes."""

from typing import Final

from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Device, Hardware
from launcher.planning.weights import loaded_dtype

BFLOAT16_SINCE: Final = (8, 0)
# vLLM loads these in float32 where there is no bfloat16 (`_FLOAT16_NOT_SUPPORTED_MODELS`).
NO_FLOAT16: Final = frozenset({"gemma2", "gemma3", "gemma3_text", "glm4"})


def choose_dtype(wanted: str, model: ModelFacts, hardware: Hardware, device: Device) -> str | None:
    """vLLM's --dtype: as set, or what vLLM would choose on a GPU without bfloat16, or None."""
    if wanted != "auto":
        return wanted
    has_bfloat16 = device != "cuda" or hardware.capability >= BFLOAT16_SINCE
    if has_bfloat16 or loaded_dtype(model, wanted) != "bfloat16":
        return None
    return "float32" if model.model_type in NO_FLOAT16 else "float16"
