"""The number of engines of a machine: as many copies of the model as its GPUs hold."""

from typing import Final

from launcher.models.facts import ModelFacts
from launcher.planning.decisions import decide
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.settings import LauncherSettings

# Whoever sets one of these says how the GPUs are to be used.
LAYOUT: Final = ("tensor_parallel", "pipeline_parallel", "data_parallel", "device_map", "nodes")


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
    is_laid_out = bool(settings.model_fields_set & set(LAYOUT)) or machine.nodes > 1
    if is_laid_out or settings.device == "cpu" or len(machine.gpus) < 2:
        return 1
    decided = decide(settings, machine, model, installed)
    can_serve = decided.device == "cuda" and decided.memory.fits and installed.has_router
    return len(machine.gpus) // decided.sizes.devices if can_serve else 1
