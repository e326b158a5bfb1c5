"""Smaller shares of a GPU with which models became ready after they had run out of memory.

A file in MMHIE_CACHE_DIR has one for each model and card, with the plan that it is for.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from launcher.planning.plan import EnginePlan

FILE: Final = "gpu-shares.json"


@dataclass(frozen=True, slots=True)
class SmallerShare:
    """A share of each GPU's memory, and the plan that ran out of memory with more."""

    share: Annotated[float, Field(gt=0, lt=1)]
    plan: str


SHARES: Final = TypeAdapter(dict[str, SmallerShare])


def recall(plan: EnginePlan) -> float | None:
    """Return the share that this plan's model needs on this card; None if nothing says less than
    the plan. A share that the operator has set replaces it for good."""
    file, subject = plan.decisions.settings.cache_dir / FILE, name_subject(plan)
    known = read(file)
    if (found := known.get(subject)) is None:
        return None
    if plan.decisions.settings.gpu_memory_utilization is not None:
        write(file, {name: entry for name, entry in known.items() if name != subject})
        return None
    is_less = found.plan == describe(plan) and found.share < plan.decisions.gpu_fraction
    return found.share if is_less else None


def remember(plan: EnginePlan, share: float) -> None:
    """Note that the plan's model became ready with this share, unless the operator has set one."""
    if plan.decisions.settings.gpu_memory_utilization is None:
        file = plan.decisions.settings.cache_dir / FILE
        entry = SmallerShare(share, describe(plan))
        write(file, {**read(file), name_subject(plan): entry})


def name_subject(plan: EnginePlan) -> str:
    """Return the model, its commits, and the card."""
    commits = [commit for commit in (plan.revision, plan.adapter_revision) if commit]
    gpu = plan.decisions.hardware.gpus[0]
    return f"{'@'.join((plan.served_model, *commits))} on {gpu.name}, {gpu.memory_gib:.1f} GiB"


def describe(plan: EnginePlan) -> str:
    """Return what a plan's use of memory depends on."""
    decided, load = plan.decisions, plan.decisions.workload
    parts = (decided.installed.version, load.quantization, load.dtype, load.kv_dtype, load.sizes)
    numbers = (load.max_model_len, load.sequences, load.lora_rank)
    return " ".join(map(str, (*parts, *numbers, *decided.settings.engine_args)))


def read(file: Path) -> dict[str, SmallerShare]:
    """Return the file's entries; none if it is missing or damaged."""
    try:
        return SHARES.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}


def write(file: Path, shares: dict[str, SmallerShare]) -> None:
    """Replace the file; on a disk that takes none, the next start tries the larger share again."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(SHARES.dump_json(shares, indent=1))
        draft.replace(file)
