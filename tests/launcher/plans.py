"""Settings, models and plans as tests ask for them, with nothing of this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.resolve import read_model
from launcher.planning.hardware import Hardware, parse
from launcher.planning.installation import Installation
from launcher.planning.memory import COMFORTABLE, MemoryEstimate
from launcher.planning.plan import EnginePlan
from launcher.planning.planner import make_plan
from launcher.settings import LauncherSettings, load
from tests.fake_hub.files import CONFIG

NO_HUB = Path("/nowhere")
# A small one on this machine, with nothing of it read.
MODEL = replace(
    from_config(CONFIG, source="/models/tiny"), id="tiny", chat_template=True, local=True
)


def settings(**ours: object) -> LauncherSettings:
    """Settings by their names without the prefix."""
    return load({f"MMHIE_{name.upper()}": str(value) for name, value in ours.items()}, None)


def facts(
    name: str | Path, hub: Path = NO_HUB, *, ask_hub: bool = False, **ours: object
) -> ModelFacts:
    """Facts of a model by its name or its folder."""
    return read_model(settings(reasoner_model=name, **ours), hub=hub, ask_hub=ask_hub)


def plan(
    hardware: str | Hardware,
    installed: Installation | None = None,
    *,
    model: ModelFacts | None = None,
    strict: bool = True,
    **ours: object,
) -> EnginePlan:
    """The plan of these settings, for a model that is known or the one that they name."""
    chosen = settings(**ours)
    place = parse(hardware) if isinstance(hardware, str) else hardware
    known = model or read_model(chosen, hub=NO_HUB)
    return make_plan(chosen, place, known, installed, strict=strict)


def room_for(requests: int) -> MemoryEstimate:
    """Memory for as many requests; every other number is nothing."""
    return MemoryEstimate(0, 0, 0, 0, 0, requests, COMFORTABLE)


def value(made: EnginePlan, flag: str) -> str | None:
    """The value of this flag; the last one counts."""
    places = [index for index, part in enumerate(made.argv) if part == flag]
    return made.argv[places[-1] + 1] if places else None
