"""The merge of the configured adapter: its folders, format and target; without numpy, which is
the engine's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.checkpoints import making
from launcher.errors import ModelError, PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.decisions import prepared_folder
from launcher.planning.plan import EnginePlan
from launcher.process.child import Listener
from launcher.settings import LauncherSettings


@dataclass(frozen=True, slots=True)
class MergeJob:
    """An adapter to fold into its base; `dequantize` unpacks MXFP4 experts to bfloat16."""

    base: Path
    adapter: Path
    target: Path
    base_id: str
    adapter_id: str
    dequantize: bool = False


def job_of(
    settings: LauncherSettings, model: ModelFacts, *, dequantize: bool, out: Path | None = None
) -> MergeJob:
    """The merge of this model's adapter. Raises PlanError when the model is no adapter."""
    adapter = model.adapter
    if adapter is None or adapter.merged:
        raise PlanError(
            f"{model.id} is no LoRA adapter; set MMHIE_REASONER_MODEL to a folder or id of one."
        )
    return MergeJob(
        base=local(model.source),
        adapter=local(adapter.source),
        target=(out or prepared_folder(settings, model, "merge")).absolute(),
        base_id=adapter.base,
        adapter_id=adapter.id,
        dequantize=dequantize and model.quantization == "mxfp4",
    )


def local(source: str) -> Path:
    """The folder the weights are in. Raises ModelError when they are not on this machine."""
    folder = Path(source)
    if not folder.is_dir():
        raise ModelError(f"{source} is not on this machine: run `mmhie fetch {source}` first.")
    return folder


def dequantizes(model: ModelFacts, quantization: str) -> bool:
    """The plan runs unpacked what is MXFP4 now."""
    return model.quantization == "mxfp4" and quantization == "none"


async def in_child(plan: EnginePlan, environ: Mapping[str, str], listener: Listener) -> Path:
    """The merge in a process of its own, which ends with whoever waits for it."""
    settings = plan.decisions.settings
    work = job_of(settings, plan.model, dequantize=dequantizes(plan.model, plan.quantization))
    extra = ("--dequantize",) if work.dequantize else ()
    ours = {"MMHIE_REASONER_MODEL": settings.reasoner_model}
    await making.in_child("launcher.checkpoints.adapter", extra, {**environ, **ours}, listener)
    return work.target
