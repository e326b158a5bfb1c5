"""The GPUs of a machine that engines are planned for, where its GPUs differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
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

BUSY: Final = 0.2  # of a GPU, held by others who compute there as well
CALM_SHARE: Final = 0.5  # of all GPUs


@dataclass(frozen=True, slots=True)
class CardChoice:
    """Some GPUs, the requests that all copies of the model on them hold, and whether it fits."""

    gpus: tuple[Gpu, ...]
    requests: float
    fits: bool

    @property
    def rank(self) -> tuple[float, int]:
        """By what they hold, and then by their number."""
        return self.requests, len(self.gpus)

    def is_calm(self, machine: Hardware) -> bool:
        """Nobody else computes here, and these are most of the machine's GPUs."""
        is_most = len(self.gpus) >= CALM_SHARE * len(machine.gpus)
        return self.fits and is_most and not any(map(is_busy, self.gpus))


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
    """The machine with the GPUs that serve the model best; what is left out is remarked on.

    GPUs that are named (CUDA_VISIBLE_DEVICES) are wanted, and left out only where no plan has all
    of them.
    """
    if settings.device == "cpu" or len(set(map(kind, machine.gpus))) < 2:
        return machine
    machine = _least_first(machine)
    if machine.is_named and _choice(settings, machine, machine.gpus, model, installed):
        return machine
    tried = [
        found
        for gpus in _candidates(machine.gpus)
        if (found := _choice(settings, machine, gpus, model, installed))
    ]
    if not tried:
        return machine
    calm = [choice for choice in tried if choice.is_calm(machine)]
    return _with(machine, max(calm or tried, key=lambda choice: choice.rank).gpus)


def _least_first(machine: Hardware) -> Hardware:
    """The same GPUs, those of one kind together, so that no plan depends on their order.

    vLLM decides for an engine by the first of its GPUs.
    """

    def size(pair: tuple[str, Gpu]) -> tuple[object, ...]:
        gpu = pair[1]
        return gpu.compute_capability, round(gpu.memory_gib), gpu.free_share

    pairs = list(zip(machine.gpu_names, machine.gpus, strict=True))
    ordered = sorted(pairs, key=size)
    if ordered == pairs:
        return machine
    names, gpus = zip(*ordered, strict=True)
    return replace(machine, gpus=gpus, gpu_ids=names)


def kind(gpu: Gpu) -> tuple[tuple[int, int], int, int]:
    """GPUs of one kind are planned for alike."""
    return gpu.compute_capability, round(gpu.memory_gib), free_tenths(gpu)


def is_busy(gpu: Gpu) -> bool:
    """Another program works there."""
    return gpu.free_share < 1 - BUSY


def free_tenths(gpu: Gpu) -> int:
    """The same in whole tenths: less than one makes no other plan."""
    return int(10 * gpu.free_share)


def _candidates(gpus: Sequence[Gpu]) -> Iterator[tuple[Gpu, ...]]:
    """All, and those that are new, large and free enough, for each meaning of the three words."""
    oldest = sorted({gpu.compute_capability for gpu in gpus})
    smallest = sorted({round(gpu.memory_gib) for gpu in gpus})
    freest = sorted({free_tenths(gpu) for gpu in gpus})
    found = (
        tuple(
            gpu
            for gpu in gpus
            if gpu.compute_capability >= capability
            and round(gpu.memory_gib) >= gib
            and free_tenths(gpu) >= tenths
        )
        for capability, gib, tenths in product(oldest, smallest, freest)
    )
    yield from dict.fromkeys(some for some in found if some)


def _choice(
    settings: LauncherSettings,
    machine: Hardware,
    gpus: tuple[Gpu, ...],
    model: ModelFacts,
    installed: Installation,
) -> CardChoice | None:
    """Return the choice of these GPUs; None where no engine would start on one of its shares."""
    part = _with(machine, gpus)
    try:
        settings = with_engines(settings, part, model, installed)
        parts = settings.engines or 1
        plans = [
            decide(settings, share(part, parts, index), model, installed) for index in range(parts)
        ]
    except LauncherError:
        return None
    if not all(plan.memory.starts for plan in plans):
        return None
    held = sum(
        plan.memory.kv_room_gib / (plan.memory.kv_gib_per_request or 1) * plan.sizes.data
        for plan in plans
    )
    return CardChoice(gpus, held, all(plan.memory.fits for plan in plans))


def _with(machine: Hardware, gpus: tuple[Gpu, ...]) -> Hardware:
    """The machine with these GPUs alone, by the names that CUDA knows them by."""
    if gpus == machine.gpus:
        return machine
    pairs = list(zip(machine.gpu_names, machine.gpus, strict=True))
    used = [(name, gpu) for name, gpu in pairs if any(gpu is chosen for chosen in gpus)]
    left = [(name, gpu) for name, gpu in pairs if not any(gpu is chosen for chosen in gpus)]
    remarks = tuple(_remark(name, gpu, gpus) for name, gpu in left)
    return replace(
        machine,
        gpus=tuple(gpu for _, gpu in used),
        gpu_ids=tuple(name for name, _ in used),
        remarks=(*machine.remarks, *remarks),
    )


def _remark(name: str, gpu: Gpu, used: Sequence[Gpu]) -> str:
    others = min(used, key=lambda other: other.memory_gib)
    (major, minor), gib = gpu.compute_capability, round(gpu.memory_gib)
    is_only_busy = is_busy(gpu) and not any(map(is_busy, used))
    if (
        gpu.compute_capability < min(other.compute_capability for other in used)
        and not is_only_busy
    ):
        why = f"its compute capability, {major}.{minor}, is older than that of {others.name}"
    elif gib < round(others.memory_gib) and not is_only_busy:
        why = f"it has {gib} GiB and {others.name} has {others.memory_gib:.0f}"
    else:
        held = gpu.memory_gib * (1 - gpu.free_share)
        why = f"other processes hold {held:.1f} GiB of it"
    return f"GPU {name} ({gpu.name}) is left out: {why}; CUDA_VISIBLE_DEVICES names those to use."
