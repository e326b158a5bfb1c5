"""Smaller shares of a GPU with which models became ready after they had run out of memory.

A file in MMHIE_CACHE_DIR has one for each model, card and plan.
"""

import contextlib
import json
from pathlib import Path
from typing import Final

from launcher.planning.plan import EnginePlan

FILE: Final = "gpu-shares.json"


def recall(plan: EnginePlan) -> float | None:
    """Return the share that this plan needs on this card; None if nothing says less than the plan,
    or if the operator has set one."""
    settings = plan.settings
    if settings.gpu_memory_utilization is not None:
        return None
    share = read(settings.cache_dir / FILE).get(describe(plan), 1.0)
    return share if 0 < share < plan.gpu_fraction else None


def remember(plan: EnginePlan, share: float) -> None:
    """Note that the plan's model became ready with this share, unless the operator has set one.

    On a disk that takes no file, the next start tries the larger share again.
    """
    file = plan.settings.cache_dir / FILE
    if plan.settings.gpu_memory_utilization is not None:
        return
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps({**read(file), describe(plan): share}, indent=1))
        draft.replace(file)


def describe(plan: EnginePlan) -> str:
    """Return the model, the card, and what a plan's use of memory depends on."""
    load, gpu = plan.workload, plan.hardware.gpus[0]
    adapter_revision = plan.model.adapter.revision if plan.model.adapter else None
    model = (plan.model.id, plan.model.revision, adapter_revision, f"on {gpu.name}")
    parts = (plan.installed.version, load.quantization, load.dtype, load.kv_dtype, load.sizes)
    numbers = (f"{gpu.memory_gib:.1f} GiB", load.max_model_len, load.sequences, load.lora_rank)
    return " ".join(map(str, (*model, *numbers, *parts, *plan.settings.engine_args)))


def read(file: Path) -> dict[str, float]:
    """Return the file's entries; none if it is missing or damaged."""
    try:
        return {name: float(share) for name, share in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
