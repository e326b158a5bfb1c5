"""Plan engines from settings, hardware and model; nothing is started or changed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from launcher.errors import LauncherError, ModelError, NotEnoughMemory
from launcher.models.facts import ModelFacts
from launcher.planning import engine_command, gpu_share, remedies, start_times
from launcher.planning.hardware import Hardware, share
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, decide
from launcher.planning.served_adapter import merge_obstacle
from launcher.settings import LauncherSettings

MOST_NAMES: Final = 4  # missing files that a message names


def make_plans(
    settings: LauncherSettings,
    machine: Hardware,
    model: ModelFacts,
    installed: Installation,
    *,
    strict: bool = True,
) -> tuple[EnginePlan, ...]:
    """A plan for each engine's share of a machine; raises as `make_plan` does."""
    engines = settings.engines or count_engines(settings, machine, model, installed)
    settings = settings.model_copy(update={"engines": engines})
    if engines > 1 and (idle := len(machine.gpus) % engines):
        remark = (
            f"{idle} of {len(machine.gpus)} GPUs stay idle: {engines} engines share the others."
        )
        machine = replace(machine, remarks=(*machine.remarks, remark))
    shares = (share(machine, engines, index) for index in range(engines))
    return tuple(make_plan(settings, part, model, installed, strict=strict) for part in shares)


def count_engines(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> int:
    """As many copies of the model as the GPUs hold, unless a setting lays out the GPUs.

    vLLM's own data parallel is no substitute: its ranks share the experts and step together.
    """
    is_laid_out = settings.tensor_parallel or settings.device_map != "auto"
    if is_laid_out or len(machine.gpus) < 2:
        return 1
    decided = decide(settings, machine, model, installed)
    can_serve = decided.device == "cuda" and decided.memory.fits and installed.has_router
    return len(machine.gpus) // decided.sizes.devices if can_serve else 1


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
    decided = decide(settings, hardware, model, installed or Installation())
    if decided.model.is_partial:
        decided = replace(decided, memory=replace(decided.memory, max_concurrent=0))
    refusal = _find_refusal(decided)
    if strict and refusal is not None:
        raise refusal
    return replace(
        decided,
        argv=engine_command.argv(decided),
        env=engine_command.env(decided),
        reasons=tuple(_list_reasons(decided)),
        warnings=tuple(_list_warnings(decided)),
        refusal=refusal,
    )


def _find_refusal(decided: EnginePlan) -> LauncherError | None:
    model = decided.model
    if model.is_partial:
        return ModelError(f"{model.source} lacks {_shorten(model.missing)}: give a whole folder.")
    return None if decided.memory.starts else NotEnoughMemory(remedies.describe_shortage(decided))


def _shorten(names: Sequence[str]) -> str:
    """Join the first names, and add how many more there are."""
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _list_reasons(decided: EnginePlan) -> Iterator[str]:
    yield decided.sizes.reason
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


def _list_missing_files(decided: EnginePlan) -> Iterator[str]:
    """Yield a sentence about missing files of the model, and one about those of the adapter."""
    model, fetched = decided.model, "`mmhie serve` fetches it first"
    if model.missing:
        remedy = "give a whole folder" if model.local else fetched
        yield f"{model.source} lacks {_shorten(model.missing)}: {remedy}"
    if (adapter := model.adapter) and adapter.missing:
        yield f"{adapter.id} lacks {_shorten(adapter.missing)}: {fetched}"


def _describe_use(decided: EnginePlan) -> str:
    if decided.lora is None:
        return "merged into the weights"
    reason = merge_obstacle(decided.model) or "MMHIE_MERGE_ADAPTER=false"
    return f"applied while serving, since {reason}"


def _warn_about_gpus(decided: EnginePlan) -> Iterator[str]:
    """Yield warnings about the GPUs of this machine."""
    if decided.settings.device != "cpu":
        yield from decided.hardware.remarks
    if usage := gpu_share.describe_neighbours(decided.hardware):
        yield f"The engine is planned for {decided.gpu_fraction:.0%} of each GPU: {usage}."


def _list_warnings(decided: EnginePlan) -> Iterator[str]:
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
