"""Plans of a start: made in one pass over this machine's facts, and completed with the checkpoint
that they say has to be made first.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from launcher.checkpoints import gguf, making, merging
from launcher.errors import ModelError
from launcher.models import fetch_progress, resolve, weights
from launcher.models.facts import ModelFacts
from launcher.models.fetch_progress import Step
from launcher.planning import hardware, installation
from launcher.planning.hardware import Hardware
from launcher.planning.plan import EnginePlan
from launcher.planning.planner import make_plan, make_plans
from launcher.planning.weights import weight_bytes
from launcher.process.child import Listener
from launcher.settings import LauncherSettings, is_offline

SENTENCES: Final = {
    "embedded": "De-quantizing the model (once)",
    "dequantize": "De-quantizing the model (once)",
    "merge": "Merging the adapter into its base (once)",
}

Plans = tuple[EnginePlan, ...]


async def prepare(
    plans: Plans, environ: Mapping[str, str], step: Step, listener: Listener
) -> Plans:
    """The same plans, completed, with everything they load in place. Raises LauncherError."""
    if plans and plans[0].model.lacks:
        plans = await fetch(plans, environ, step, listener)
    if not plans or plans[0].preparation is None:
        return plans
    sentence = SENTENCES[plans[0].preparation]

    def report(line: str) -> None:
        listener(line)
        match = fetch_progress.LINE.fullmatch(line)
        step(sentence, int(match["percent"]) / 100 if match else None)

    step(sentence, None)
    return plan_again(
        plans, resolve.read_made(plans[0].model, await make(plans[0], environ, report))
    )


async def fetch(plans: Plans, environ: Mapping[str, str], step: Step, listener: Listener) -> Plans:
    """The same plans, made again of the files once all of them are on this machine."""

    def report(line: str) -> None:
        if match := fetch_progress.LINE.fullmatch(line):
            step(match["sentence"], int(match["percent"]) / 100)
        elif line.startswith(fetch_progress.WAITING):
            step(line, None)
        else:
            listener(line)

    step("Fetching the model", None)
    settings = plans[0].settings
    given = {**environ, "MMHIE_REASONER_MODEL": settings.reasoner_model}
    merged = (str(to_be_merged(plans[0])),)
    await making.in_child("launcher.models.fetching", merged, given, report)
    model = resolve.read_model(settings)
    if model.lacks:
        raise ModelError(f"{model.source} lacks {', '.join(model.lacks)}: give a whole folder.")
    return plan_again(plans, model)


def plan_again(plans: Plans, model: ModelFacts) -> Plans:
    """The same plans for the files that are here now; all other facts stay the same."""
    return tuple(make_plan(plan.settings, plan.hardware, model, plan.installed) for plan in plans)


def to_be_merged(plan: EnginePlan) -> int:
    """Bytes of the checkpoint that is merged of what is fetched, 0 where none is to be made."""
    if plan.preparation != "merge" or folder_of(plan).exists():
        return 0
    method = None if plan.quantization.dequantize else plan.model.quantization
    return int(weight_bytes(plan.model, method) * merging.ROOM)


def needs_preparation(plans: Plans) -> bool:
    """Return whether something has to be fetched or made before the engine can start."""
    return any(plan.preparation or plan.model.lacks for plan in plans)


def folder_of(plan: EnginePlan) -> Path:
    """The folder of the checkpoint this plan needs, made already or not."""
    if plan.preparation == "merge":
        return Path(plan.source)
    return plan.settings.cache_dir / gguf.key(_gguf_file(plan))


def _gguf_file(plan: EnginePlan) -> Path:
    embedded = plan.preparation == "embedded"
    return weights.embedded_file() if embedded else Path(plan.model.source)


async def make(plan: EnginePlan, environ: Mapping[str, str], listener: Listener) -> Path:
    """The folder of the checkpoint this plan needs, made now if it is not there yet."""
    adapter = plan.model.adapter
    if plan.preparation != "merge" or adapter is None:
        return await dequantize(_gguf_file(plan), plan.settings.cache_dir, environ, listener)
    job = json.dumps(asdict(merging.plan_merge(plan, adapter)))
    await making.in_child("launcher.checkpoints.adapter", (job,), environ, listener)
    return folder_of(plan)


async def dequantize(
    file: Path, cache: Path, environ: Mapping[str, str], listener: Listener
) -> Path:
    """The folder of a GGUF file's checkpoint, made now if it is not there yet."""
    folder = cache / gguf.key(file)
    if not folder.exists():
        arguments = (str(file), str(cache))
        try:
            await making.in_child("launcher.checkpoints.gguf", arguments, environ, listener)
        except ModelError as error:
            raise ModelError(f"{file.name} could not be de-quantized: {error}") from None
    return folder


def plans_of(settings: LauncherSettings, machine: Hardware | None = None) -> Plans:
    """A plan for each engine's share of this machine, which is looked at where it was not before;
    none when all engines run elsewhere."""
    if settings.engine_urls:
        return ()
    installed = installation.required()
    model = resolve.read_model(settings, ask_hub=not is_offline())
    if model.missing and not model.local and is_offline():
        raise ModelError(resolve.offline(model.source, ()))
    return make_plans(settings, machine or hardware.detect(), model, installed)
