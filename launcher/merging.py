"""From the configured adapter to its merge: which folders, which format, which target."""

from pathlib import Path

from launcher.adapter import Merge, Report, merge
from launcher.draft import prepared_folder
from launcher.errors import ModelError, PlanError
from launcher.model import ModelFacts
from launcher.settings import LauncherSettings


def merged(
    chosen: LauncherSettings, model: ModelFacts, *, dequantize: bool, report: Report
) -> Path:
    """The merged checkpoint of the configured adapter, made if it is not there yet.

    Raises PlanError, ModelError and NotEnoughDisk.
    """
    return merge(job(chosen, model, dequantize=dequantize), report)


def job(
    chosen: LauncherSettings, model: ModelFacts, *, dequantize: bool, out: Path | None = None
) -> Merge:
    """What there is to merge. Raises PlanError when the model is no adapter."""
    adapter = model.adapter
    if adapter is None or adapter.merged:
        raise PlanError(
            f"{model.id} is no LoRA adapter; set MMHIE_REASONER_MODEL to a folder or id of one."
        )
    return Merge(
        base=local(model.source),
        adapter=local(adapter.source),
        target=(out or prepared_folder(chosen, model, "merge")).absolute(),
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
