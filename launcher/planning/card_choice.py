"""The GPUs of a machine that engines use, and the number of engines on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from launcher.errors import LauncherError
from launcher.models.facts import ModelFacts
from launcher.planning.cards import Gpu
from launcher.planning.decisions import decide
from launcher.planning.hardware import Hardware, share
from launcher.planning.installation import Installation
from launcher.planning.parallelism import named
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import LauncherSettings

BUSY: Final = 0.2  # of a GPU's memory, held by other programs


def lay_out(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> tuple[LauncherSettings, Hardware]:
    """The settings with MMHIE_ENGINES decided, and the machine with the GPUs to use."""
    machine = choose_cards(settings, machine, model, installed)
    settings = with_engines(settings, machine, model, installed)
    engines = settings.engines or 1
    names = machine.gpu_names
    if engines < 2 or not (idle := names[len(names) // engines * engines :]):
        return settings, machine
    remark = (
        f"{named(idle)} stay{'s' if len(idle) == 1 else ''} idle: {engines} engines have "
        f"{len(names) // engines} each."
    )
    return settings, replace(machine, remarks=(*machine.remarks, remark))


def make_plans(
    settings: LauncherSettings,
    machine: Hardware,
    model: ModelFacts,
    installed: Installation,
    *,
    strict: bool = True,
) -> tuple[EnginePlan, ...]:
    """A plan for each engine's share of a machine; raises as `make_plan` does."""
    settings, machine = lay_out(settings, machine, model, installed)
    parts = settings.engines or 1
    shares = (share(machine, parts, index) for index in range(parts))
    return tuple(make_plan(settings, part, model, installed, strict=strict) for part in shares)


def with_engines(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> LauncherSettings:
    """The settings with MMHIE_ENGINES decided; raises as `decide` does."""
    found = settings.engines or _copies(settings, machine, model, installed)
    return settings.model_copy(update={"engines": found})


def _copies(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> int:
    """As many copies of the model as the GPUs hold, unless somebody has laid them out.

    vLLM's own data parallel is no substitute: its ranks share the experts and step together.
    """
    sizes = (settings.tensor_parallel, settings.pipeline_parallel, settings.data_parallel)
    is_laid_out = any(sizes) or settings.device_map != "auto"
    if is_laid_out or len(machine.gpus) < 2:
        return 1
    decided = decide(settings, machine, model, installed)
    can_serve = decided.device == "cuda" and decided.memory.fits and installed.has_router
    return len(machine.gpus) // decided.sizes.devices if can_serve else 1


def choose_cards(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> Hardware:
    """Return the machine with GPUs of one kind; those left out are named in its remarks.

    It is the kind with the most memory on which the model starts. A GPU that other programs use is
    left out where one of its kind is free. CUDA_VISIBLE_DEVICES decides instead where it is set.
    """
    if settings.device == "cpu" or machine.is_named:
        return machine
    groups = [_with(machine, gpus) for gpus in group_by_kind(machine.gpus)]
    able = (group for group in groups if can_start(settings, group, model, installed))
    return next(able, machine)


def group_by_kind(gpus: Sequence[Gpu]) -> list[tuple[Gpu, ...]]:
    """Return the GPUs of each capability and size, the largest group first."""
    groups: dict[tuple[object, ...], list[Gpu]] = defaultdict(list)
    for gpu in gpus:
        groups[gpu.compute_capability, round(gpu.memory_gib)].append(gpu)
    usable = [[gpu for gpu in group if not is_busy(gpu)] or group for group in groups.values()]
    return sorted(map(tuple, usable), key=total_gib, reverse=True)


def total_gib(gpus: Sequence[Gpu]) -> float:
    """Return the memory of these GPUs together."""
    return sum(gpu.memory_gib for gpu in gpus)


def is_busy(gpu: Gpu) -> bool:
    """Return whether another program works there."""
    return gpu.free_share < 1 - BUSY


def can_start(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> bool:
    """Return whether every engine would start on its share of these GPUs."""
    try:
        parts = with_engines(settings, machine, model, installed).engines or 1
        shares = [share(machine, parts, index) for index in range(parts)]
        plans = [decide(settings, part, model, installed) for part in shares]
    except LauncherError:
        return False
    return all(plan.memory.starts for plan in plans)


def _with(machine: Hardware, gpus: tuple[Gpu, ...]) -> Hardware:
    """The machine with these GPUs alone, by the names that CUDA knows them by."""
    if gpus == machine.gpus:
        return machine
    pairs = list(zip(machine.gpu_names, machine.gpus, strict=True))
    used = [(name, gpu) for name, gpu in pairs if any(gpu is chosen for chosen in gpus)]
    left = [(name, gpu) for name, gpu in pairs if not any(gpu is chosen for chosen in gpus)]
    return replace(
        machine,
        gpus=tuple(gpu for _, gpu in used),
        gpu_ids=tuple(name for name, _ in used),
        remarks=(*machine.remarks, *(_remark(name, gpu, gpus[0]) for name, gpu in left)),
    )


def _remark(name: str, gpu: Gpu, used: Gpu) -> str:
    if is_busy(gpu):
        held = gpu.memory_gib * (1 - gpu.free_share)
        why = f"other programs hold {held:.1f} GiB of it"
    else:
        why = f"engines use GPUs of one kind, here {used.name}"
    return f"GPU {name} ({gpu.name}) is left out: {why}; CUDA_VISIBLE_DEVICES names those to use."
