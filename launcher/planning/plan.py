"""Plan the engine from settings, hardware and model; nothing is started or changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from launcher.errors import LauncherError, ModelError, NotEnoughMemory
from launcher.json_types import Json
from launcher.models.facts import ModelFacts
from launcher.planning import engine_command, gpu_share, remedies, start_times
from launcher.planning.decisions import Decisions, Preparation, decide, merge_obstacle
from launcher.planning.hardware import Device, Hardware
from launcher.planning.installation import Installation
from launcher.planning.memory import MemoryEstimate
from launcher.planning.weights import loaded_dtype
from launcher.settings import LauncherSettings

BFLOAT16_SINCE: Final = (8, 0)
MOST_NAMES: Final = 4  # missing files that a message names
# Fields of a plan that `mmhie plan --json` does not print.
INTERNAL: Final = frozenset({"model", "dtype", "preparation", "refusal", "decisions"})


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """The engine to run. `argv` lacks the socket and the API key, which are new at every start.

    `preparation` is the conversion that the checkpoint needs first. `refusal` is the error that a
    start would raise because the memory is too small or weights are missing.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    device: Device
    tensor_parallel: int
    pipeline_parallel: int
    quantization: str
    max_model_len: int
    memory: MemoryEstimate
    served_model: str
    revision: str | None
    adapter: str | None
    adapter_revision: str | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    model: ModelFacts
    dtype: str
    preparation: Preparation | None
    refusal: LauncherError | None
    decisions: Decisions

    def as_json(self) -> Json:
        """Return the documented JSON of `mmhie plan --json`."""
        names = [field.name for field in fields(self) if field.name not in INTERNAL]
        document = {name: getattr(self, name) for name in names}
        engines = self.decisions.settings.engines or 1
        return document | {"memory": self.memory.as_json(), "engines": engines}


def make_plan(
    settings: LauncherSettings,
    hardware: Hardware,
    model: ModelFacts,
    installed: Installation | None = None,
    *,
    strict: bool = True,
) -> EnginePlan:
    """Plan the engine for these settings and this model on this hardware.

    Raises PlanError, HardwareError or MissingPackage if it cannot work. If `strict`, raises the
    plan's `refusal` too: NotEnoughMemory or ModelError.
    """
    plan = _build_plan(decide(settings, hardware, model, installed or Installation()))
    if strict and plan.refusal is not None:
        raise plan.refusal
    return plan


def complete(plan: EnginePlan, made: ModelFacts) -> EnginePlan:
    """Plan the same engine again with the prepared checkpoint; all other facts stay the same."""
    decided = plan.decisions
    return make_plan(decided.settings, decided.hardware, made, decided.installed)


def _build_plan(decided: Decisions) -> EnginePlan:
    adapter, partial = decided.model.adapter, decided.model.is_partial
    return EnginePlan(
        argv=engine_command.argv(decided),
        env=engine_command.env(decided),
        device=decided.device,
        tensor_parallel=decided.sizes.tensor,
        pipeline_parallel=decided.sizes.pipeline,
        quantization=decided.quantization.name,
        max_model_len=decided.context.max_model_len,
        memory=replace(decided.memory, max_concurrent=0) if partial else decided.memory,
        served_model=decided.model.id,
        revision=decided.model.revision,
        adapter=adapter.id if adapter else None,
        adapter_revision=adapter.revision if adapter else None,
        reasons=tuple(_list_reasons(decided)),
        warnings=tuple(_list_warnings(decided)),
        model=decided.model,
        dtype=_find_dtype(decided),
        preparation=decided.preparation,
        refusal=_find_refusal(decided),
        decisions=decided,
    )


def _find_dtype(decided: Decisions) -> str:
    """Return the type of the loaded weights; vLLM takes float16 on GPUs older than bfloat16."""
    dtype = loaded_dtype(decided.model, decided.settings.dtype)
    is_old = decided.device == "cuda" and decided.hardware.capability < BFLOAT16_SINCE
    return "float16" if is_old and dtype == "bfloat16" else dtype


def _find_refusal(decided: Decisions) -> LauncherError | None:
    model = decided.model
    if model.is_partial:
        return ModelError(f"{model.source} lacks {_shorten(model.missing)}: give a whole folder.")
    return None if decided.memory.starts else NotEnoughMemory(remedies.describe_shortage(decided))


def _shorten(names: Sequence[str]) -> str:
    """Join the first names, and add how many more there are."""
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _list_reasons(decided: Decisions) -> Iterator[str]:
    yield decided.parallelism.reason
    yield decided.quantization.reason
    yield decided.context.reason
    if adapter := decided.model.adapter:
        use = _describe_use(decided)
        yield f"adapter {adapter.id} (rank {adapter.rank}) on {adapter.base}, {use}"
    yield from _list_missing_files(decided)
    if decided.device == "cuda":
        yield start_times.sentence(decided)
    if decided.model.own_code:
        yield (
            f"it brings code of its own ({decided.model.own_code}), which vLLM runs only with "
            "MMHIE_ENGINE_ARGS=--trust-remote-code"
        )
    if not decided.model.chat_template:
        yield "no chat template: served through completions"


def _list_missing_files(decided: Decisions) -> Iterator[str]:
    """Yield a sentence about missing files of the model, and one about those of the adapter."""
    model, fetched = decided.model, "`mmhie serve` fetches it first"
    if model.missing:
        remedy = "give a whole folder" if model.local else fetched
        yield f"{model.source} lacks {_shorten(model.missing)}: {remedy}"
    if (adapter := model.adapter) and adapter.missing:
        yield f"{adapter.id} lacks {_shorten(adapter.missing)}: {fetched}"


def _describe_use(decided: Decisions) -> str:
    if decided.lora is None:
        return "merged into the weights"
    blocked = merge_obstacle(decided.settings, decided.model)
    return f"applied while serving, since {blocked}" if blocked else "applied while serving"


def _warn_about_gpus(decided: Decisions) -> Iterator[str]:
    """Yield warnings about the GPUs of this machine."""
    if decided.settings.device != "cpu":
        yield from decided.hardware.remarks
    if decided.device == "cuda" and (usage := gpu_share.describe_neighbours(decided.hardware)):
        share = decided.gpu_fraction
        yield f"The engine is planned for {share:.0%} of each GPU: {usage}."


def _list_warnings(decided: Decisions) -> Iterator[str]:
    yield from _warn_about_gpus(decided)
    yield from decided.quantization.warnings
    yield from decided.context.warnings
    if decided.device == "cpu" and not decided.settings.merge_adapter:
        yield "MMHIE_MERGE_ADAPTER=false works on GPUs only and is ignored."
    if decided.device == "cpu" and decided.settings.kv_cache_dtype != "auto":
        yield "MMHIE_KV_CACHE_DTYPE=fp8 works on GPUs only and is ignored."
    if decided.device == "cpu" and decided.model.parameters > engine_command.SMALL_PARAMETERS:
        yield (
            f"A model of {decided.model.parameters / 1e9:.0f} billion parameters on a CPU is slow: "
            "expect seconds for each token, and use a GPU in production."
        )
