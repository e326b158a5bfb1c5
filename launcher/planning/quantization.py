"""The quantization an engine runs with: as set, a named fallback, or refused with the remedy."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from launcher.errors import PlanError
from launcher.formats import FORMATS, Format
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Hardware

Obstacle = str | None  # the reason a format cannot run, or None
# Made of a 16-bit checkpoint while it loads, the better first.
SMALLER: Final = ("fp8", "bitsandbytes")


@dataclass(frozen=True, slots=True)
class Quantization:
    """The format that runs, vLLM's flag for it (None: the checkpoint says it) and the reason."""

    method: str | None
    flag: str | None
    reason: str
    warnings: tuple[str, ...] = ()
    dequantize: bool = False

    @property
    def name(self) -> str:
        """Shown by health and provenance."""
        return self.method or "none"


def obstacle(
    method: str | None, model: ModelFacts, hardware: Hardware, plugins: Collection[str]
) -> Obstacle:
    """Return why this format cannot run there, if vLLM would not say so itself."""
    row = FORMATS.get(method or "")
    if row is None:
        return None
    if row.plugin and method not in plugins:
        return f"its vLLM plugin is not installed: {row.install}"
    return None if hardware.gpus else _obstacle_on_cpu(row, model, hardware)


def _obstacle_on_cpu(row: Format, model: ModelFacts, hardware: Hardware) -> Obstacle:
    """vLLM would take these, and compute wrongly or end at the first request."""
    is_mxfp4 = row is FORMATS["mxfp4"]
    if not row.is_on_cpu or (is_mxfp4 and not model.is_gpt_oss):
        return "it has no kernels on the CPU"
    if row.is_packed and model.bits == 4 and not hardware.avx512:
        return "4-bit weights on a CPU need AVX-512, which this one lacks"
    if is_mxfp4 and not hardware.amx:
        return "MXFP4 on a CPU needs AMX, which this one lacks"
    return None


def choose_quantization(
    wanted: str, model: ModelFacts, hardware: Hardware, plugins: Collection[str]
) -> Quantization:
    """Return the quantization to run. Raises PlanError if there is none."""
    if wanted in ("none", model.quantization) or (wanted == "gguf" and model.dequantized):
        return _as_published(model, hardware, plugins)
    reason = _cannot_convert(wanted, model) or obstacle(wanted, model, hardware, plugins)
    if reason is None:
        made = f"{wanted} made from the weights while loading"
        return Quantization(wanted, FORMATS[wanted].flag, made)
    own = _as_published(model, hardware, plugins)
    named = own.method or "the checkpoint's own weights, not quantized"
    warning = f"MMHIE_QUANTIZE={wanted} cannot run: {reason}. Running {named} instead."
    return replace(own, warnings=(warning,))


def _cannot_convert(wanted: str, model: ModelFacts) -> Obstacle:
    if model.quantization is not None:
        return f"the checkpoint is already {model.quantization}"
    if FORMATS[wanted].flag is None:
        return f"it needs a checkpoint made with {wanted}, and this one is not quantized"
    return None


def _as_published(model: ModelFacts, hardware: Hardware, plugins: Collection[str]) -> Quantization:
    method = model.quantization
    if method == "gguf" and not hardware.gpus:
        reason = "the GGUF file is de-quantized to bfloat16 once, since the CPU engine reads none"
        return Quantization(None, None, reason, dequantize=True)
    blocked = obstacle(method, model, hardware, plugins)
    if blocked is None:
        own = f"the checkpoint's own format, {method or 'no quantization'}"
        return Quantization(method, None, own)
    if method == "mxfp4" and model.is_gpt_oss:
        unpacked = f"{blocked}, so the experts are unpacked to bfloat16 once"
        return Quantization(None, None, unpacked, dequantize=True)
    raise PlanError(f"This checkpoint is {method} and cannot run here: {blocked}.")
