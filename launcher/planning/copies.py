"""The number of engines of a machine: as many copies of the model as its GPUs hold."""

from launcher.models.facts import ModelFacts
from launcher.planning.decisions import decide
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.settings import LauncherSettings


def with_engines(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> LauncherSettings:
    """The settings with MMHIE_ENGINES decided; raises as `decide` does."""
    found = settings.engines or _copies(settings, machine, model, installed)
    return settings.model_copy(update={"engines": found})


def _copies(
    settings: LauncherSettings, machine: Hardware, model: ModelFacts, installed: Installation
) -> int:
    """vLLM's own data parallel is no substitute: its ranks share the experts and step together."""
    if is_laid_out(settings) or machine.nodes > 1 or len(machine.gpus) < 2:
        return 1
    decided = decide(settings, machine, model, installed)
    can_serve = decided.device == "cuda" and decided.memory.fits and installed.has_router
    return len(machine.gpus) // decided.sizes.devices if can_serve else 1


def is_laid_out(settings: LauncherSettings) -> bool:
    """Somebody has said how the GPUs are to be used."""
    sizes = (settings.tensor_parallel, settings.pipeline_parallel, settings.data_parallel)
    return any(sizes) or settings.device_map != "auto" or settings.nodes > 1
