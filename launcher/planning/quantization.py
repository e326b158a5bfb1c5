"""Which quantization an engine runs with: as asked, a named fallback, or refused with the fix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from launcher.errors import PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Hardware
from launcher.planning.installation import INSTALL_LINES, Installation

Place = Literal["cpu", "cuda"]
Verdict = str | None  # the reason it cannot run, or None
MERGE: Final = "run `mmhie merge-adapter --dequantize`, which writes a bfloat16 checkpoint"


@dataclass(frozen=True, slots=True)
class Site:
    """Where the engine would run."""

    device: Place
    hardware: Hardware
    installed: Installation

    def lacks(self, major: int, minor: int) -> bool:
        """Some GPU is older than this compute capability."""
        return self.device == "cuda" and self.hardware.capability < (major, minor)


@dataclass(frozen=True, slots=True)
class Choice:
    """The quantization that runs, vLLM's flag for it (None: the checkpoint says it) and why."""

    method: str | None
    flag: str | None
    reason: str
    warnings: tuple[str, ...] = ()
    dequantize: bool = False

    @property
    def name(self) -> str:
        """What health and provenance show."""
        return self.method or "none"


def no_gpt_oss(model: ModelFacts, site: Site) -> Verdict:
    """vLLM has no loader for gpt-oss experts in this format."""
    return "vLLM cannot load gpt-oss in that format" if model.is_gpt_oss else None


def plugin(name: str) -> Callable[[ModelFacts, Site], Verdict]:
    """The format left vLLM's core and needs a plugin."""

    def check(model: ModelFacts, site: Site) -> Verdict:
        if name in site.installed.plugins:
            return None
        return f"its vLLM plugin is not installed: {INSTALL_LINES[name]}"

    return check


def capability(major: int, minor: int) -> Callable[[ModelFacts, Site], Verdict]:
    """The kernels need a GPU at least this new."""

    def check(model: ModelFacts, site: Site) -> Verdict:
        too_old = f"it needs compute capability {major}.{minor} or newer"
        return too_old if site.lacks(major, minor) else None

    return check


def gpu_only(model: ModelFacts, site: Site) -> Verdict:
    """There are no kernels for it on the CPU."""
    return "it has no kernels on the CPU" if site.device == "cpu" else None


def four_bits_on_cpu(model: ModelFacts, site: Site) -> Verdict:
    """The CPU kernels unpack 4-bit weights only."""
    if site.device == "cpu" and model.bits not in (4, None):
        return f"the CPU has kernels for 4 bits, and this checkpoint has {model.bits}"
    return None


def amx_on_cpu(model: ModelFacts, site: Site) -> Verdict:
    """The CPU's MXFP4 experts are AMX tiles."""
    if site.device == "cpu" and not site.hardware.amx:
        return "MXFP4 on a CPU needs AMX, which this one has not"
    return None


def dense_needs_gpu(model: ModelFacts, site: Site) -> Verdict:
    """Outside gpt-oss, MXFP4 exists on GPUs only."""
    return gpu_only(model, site) if not model.is_gpt_oss else None


# One row per format: what has to hold for it to run. The order is the order of the explanations.
RULES: Final[dict[str, tuple[Callable[[ModelFacts, Site], Verdict], ...]]] = {
    "mxfp4": (dense_needs_gpu, amx_on_cpu, capability(8, 0)),
    "fp8": (gpu_only, capability(8, 9)),
    "gptq": (no_gpt_oss, four_bits_on_cpu, capability(7, 5)),
    "awq": (no_gpt_oss, four_bits_on_cpu, capability(7, 5)),
    "compressed-tensors": (capability(7, 5),),
    "bitsandbytes": (no_gpt_oss, plugin("bitsandbytes"), capability(7, 5)),
    "gguf": (no_gpt_oss, gpu_only, plugin("gguf")),
}
# Formats vLLM can make from 16-bit weights while it loads them, and its flag for that.
IN_FLIGHT: Final = {"bitsandbytes": "bitsandbytes", "fp8": "fp8_per_tensor", "mxfp4": "mxfp4"}
# What MMHIE_QUANTIZE=auto tries on a 16-bit checkpoint that does not fit as it is.
AUTO_ORDER: Final = ("fp8", "bitsandbytes")
# Names under which checkpoints publish a format.
ALIASES: Final = {"gpt-oss-mxfp4": "mxfp4", "auto-gptq": "gptq", "gptq-marlin": "gptq"} | {
    "auto-awq": "awq",
    "awq-marlin": "awq",
    "fbgemm-fp8": "fp8",
    "auto-round": "gptq",
    "inc": "gptq",
}


def own_method(model: ModelFacts) -> str | None:
    """The checkpoint's format under its common name."""
    return ALIASES.get(model.quantization or "", model.quantization)


def blocker(method: str | None, model: ModelFacts, site: Site) -> Verdict:
    """Why this format cannot run there, or None; an unknown format is left to vLLM."""
    rules = RULES.get(method or "", ())
    return next((reason for rule in rules if (reason := rule(model, site))), None)


def choose(
    wanted: str, fallback: str, model: ModelFacts, site: Site, fits: Callable[[str | None], bool]
) -> Choice:
    """The quantization to run; PlanError says what to change when there is none.

    `fits` tells whether the weights in a format fit the hardware.
    """
    if wanted == "auto":
        return _automatic(model, site, fits)
    if wanted in ("none", own_method(model)) or (wanted == "gguf" and model.dequantized):
        return _as_it_is(model, site)
    reason = _cannot_convert(wanted, model) or blocker(wanted, model, site)
    if reason is None:
        return Choice(wanted, IN_FLIGHT[wanted], f"{wanted} made from the weights while loading")
    return _fall_back(wanted, reason, fallback, model, site)


def _automatic(model: ModelFacts, site: Site, fits: Callable[[str | None], bool]) -> Choice:
    if model.quantization is not None or fits(None):
        return _as_it_is(model, site)
    for method in AUTO_ORDER:
        if blocker(method, model, site) is None and fits(method):
            return Choice(method, IN_FLIGHT[method], f"{method}, because 16 bits do not fit")
    return _as_it_is(model, site)


def _as_it_is(model: ModelFacts, site: Site) -> Choice:
    method = own_method(model)
    if method == "gguf" and site.device == "cpu":
        reason = "the GGUF file is de-quantized to bfloat16 once, since the CPU engine reads none"
        return Choice(None, None, reason, dequantize=True)
    obstacle = blocker(method, model, site)
    if obstacle is None:
        return Choice(method, None, f"the checkpoint's own format, {method or 'no quantization'}")
    if method == "mxfp4" and model.is_gpt_oss and site.device == "cpu":
        return Choice(
            None, None, f"{obstacle}, so the experts are unpacked to bfloat16 once", dequantize=True
        )
    raise PlanError(f"This checkpoint is {method} and cannot run here: {obstacle}.")


def _cannot_convert(wanted: str, model: ModelFacts) -> Verdict:
    own = own_method(model)
    if own is not None:
        return f"the checkpoint is already {own}"
    if wanted not in IN_FLIGHT:
        return f"it needs a checkpoint made with {wanted}, and this one is not quantized"
    return None


def _fall_back(wanted: str, reason: str, fallback: str, model: ModelFacts, site: Site) -> Choice:
    try:
        own = _as_it_is(model, site)
    except PlanError as error:
        raise PlanError(f"MMHIE_QUANTIZE={wanted} cannot run: {reason}. {error}") from None
    named = own.name if own.method else "the checkpoint's own weights, not quantized"
    if fallback == "error":
        raise PlanError(
            f"MMHIE_QUANTIZE={wanted} cannot run: {reason}; set MMHIE_QUANTIZE=none to run "
            f"{named}, or MMHIE_QUANTIZE_FALLBACK=warn."
        )
    warning = f"MMHIE_QUANTIZE={wanted} cannot run: {reason}. Running {named} instead."
    return Choice(own.method, own.flag, own.reason, (warning, *own.warnings), own.dequantize)
