"""The number of engines on a machine, and the plan of each."""

from dataclasses import replace

from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Hardware, share
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, decide
from launcher.planning.planner import make_plan
from launcher.settings import LauncherSettings


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
