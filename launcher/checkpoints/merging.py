"""The folders, format and target of a merge; numpy, which does the work, is the engine's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from launcher.errors import ModelError, PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.plan import prepared_folder
from launcher.planning.weights import weight_bytes
from launcher.settings import LauncherSettings

ROOM: Final = 1.02  # of the weights: the tokenizer and the rest are small


@dataclass(frozen=True, slots=True)
class MergeJob:
    """An adapter to fold into its base; `dequantize` unpacks MXFP4 experts to bfloat16."""

    base: Path
    adapter: Path
    target: Path
    base_id: str
    adapter_id: str
    dequantize: bool = False


def job_of(settings: LauncherSettings, model: ModelFacts, *, dequantize: bool) -> MergeJob:
    """The merge of this model's adapter. Raises PlanError when the model is no adapter."""
    adapter = model.adapter
    if adapter is None or adapter.merged:
        raise PlanError(
            f"{model.id} is no LoRA adapter; set MMHIE_REASONER_MODEL to a folder or id of one."
        )
    return MergeJob(
        base=local(model.source),
        adapter=local(adapter.source),
        target=prepared_folder(settings, model, "merge").absolute(),
        base_id=adapter.base,
        adapter_id=adapter.id,
        dequantize=dequantize and model.quantization == "mxfp4",
    )


def merged_bytes(model: ModelFacts, *, dequantize: bool) -> int:
    """Bytes of the checkpoint that a merge writes; its experts may be unpacked on the way."""
    return int(weight_bytes(model, None if dequantize else model.quantization) * ROOM)


def local(source: str) -> Path:
    """The folder the weights are in. Raises ModelError when they are not on this machine."""
    folder = Path(source)
    if not folder.is_dir():
        raise ModelError(f"{source} is not on this machine: run `mmhie fetch {source}` first.")
    return folder
