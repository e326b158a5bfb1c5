"""A merge as it is handed to the process that does it; numpy, which does the work, is there."""

from dataclasses import dataclass
from typing import Final

from launcher.json_types import Json
from launcher.models.facts import AdapterFacts
from launcher.planning.plan import EnginePlan

ROOM: Final = 1.02  # of the weights: the tokenizer and the rest are small


@dataclass(frozen=True, slots=True)
class MergeJob:
    """Folders of an adapter, of its base and of the merged checkpoint.

    `record` says in mmhie_merge.json what was merged; `dequantize` unpacks MXFP4 experts to
    bfloat16.
    """

    base: str
    adapter: str
    target: str
    record: Json
    dequantize: bool = False


def plan_merge(plan: EnginePlan, adapter: AdapterFacts) -> MergeJob:
    """Return the merge that a plan needs, once all files are on this machine."""
    record = {
        "adapter": adapter.id,
        "base": adapter.base,
        "rank": adapter.rank,
        "alpha": adapter.alpha,
        "targets": list(adapter.targets),
    }
    model, dequantize = plan.model, plan.quantization.dequantize
    return MergeJob(model.source, adapter.source, plan.source, record, dequantize)
