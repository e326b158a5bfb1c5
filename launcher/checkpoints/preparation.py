"""From settings to plans that can run: a checkpoint that has to be made first is made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from launcher.checkpoints import gguf, merging
from launcher.errors import MissingPackage
from launcher.models import embedded, resolve
from launcher.planning import hardware, installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.serving import startup_log
from launcher.settings import LauncherSettings

SENTENCES: Final = {
    "embedded": "De-quantizing the model (once)",
    "dequantize": "De-quantizing the model (once)",
    "merge": "Merging the adapter into its base (once)",
}

# A sentence, and the share done if it is known.
Step = Callable[[str, float | None], None]
Plans = tuple[EnginePlan, ...]


async def prepared(
    chosen: LauncherSettings,
    environ: Mapping[str, str],
    step: Step,
    listener: Callable[[str], None],
) -> Plans:
    """One plan for each engine, with everything it loads in place. Raises LauncherError."""
    plans = plans_of(chosen)
    if not plans or plans[0].preparation is None:
        return plans
    sentence = SENTENCES[plans[0].preparation]

    def hear(line: str) -> None:
        listener(line)
        step(sentence, startup_log.percent(line))

    step(sentence, None)
    return plans_of(chosen, prepared=await made(chosen, plans[0], environ, hear))


async def made(
    chosen: LauncherSettings,
    plan: EnginePlan,
    environ: Mapping[str, str],
    listener: Callable[[str], None],
) -> Path:
    """The folder of the checkpoint this plan needs, made now if it is not there yet."""
    if plan.preparation == "merge":
        return await merging.in_child(chosen, plan, environ, listener)
    source = embedded.find() if plan.preparation == "embedded" else Path(plan.model.source)
    return await gguf.checkpoint(source, chosen.cache_dir, gguf.converter(environ, listener))


def plans_of(chosen: LauncherSettings, prepared: Path | None = None) -> Plans:
    """A plan for each engine's share of this machine; none when all engines run elsewhere."""
    if chosen.engine_urls:
        return ()
    installed = installation.detect()
    if installed.engine is None:
        raise MissingPackage("No vLLM is installed here: run `make run`, or `pip install vllm`.")
    model = resolve.read_model(chosen, prepared=prepared)
    whole = hardware.detect(chosen.head_address if chosen.nodes > 1 else None)
    shares = (hardware.share(whole, chosen.engines, index) for index in range(chosen.engines))
    return tuple(make_plan(chosen, share, model, installed) for share in shares)
