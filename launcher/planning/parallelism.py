"""Tensor and pipeline parallel sizes: the GPUs a model is spread over."""

from collections.abc import Callable

from launcher.errors import PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Hardware
from launcher.planning.memory import MemoryEstimate, ParallelSizes
from launcher.settings import LauncherSettings


def legal_sizes(model: ModelFacts, most: int) -> list[int]:
    """Return every tensor parallel size up to `most` that this model can run with."""
    return [size for size in range(1, most + 1) if _is_legal(model, size)]


def _is_legal(model: ModelFacts, tensor: int) -> bool:
    is_wider = tensor > model.kv_heads and tensor % model.kv_heads == 0
    shared = is_wider and not model.is_gpt_oss  # its attention cuts KV heads only (gpt_oss.py)
    kv_heads = model.kv_heads % tensor == 0 or shared
    return kv_heads and model.heads % tensor == 0 and model.intermediate % tensor == 0


def choose_parallelism(
    settings: LauncherSettings,
    model: ModelFacts,
    hardware: Hardware,
    needs: Callable[[ParallelSizes], MemoryEstimate],
) -> ParallelSizes:
    """Return the sizes these settings mean. Raises PlanError where there are too few GPUs."""
    gpus = len(hardware.gpus)
    if size := settings.tensor_parallel:
        if 0 < gpus < size:
            raise PlanError(f"MMHIE_TENSOR_PARALLEL={size} needs as many GPUs and {gpus} are here.")
        return ParallelSizes(size, reason=f"tensor parallel {size}")
    if not gpus:
        return ParallelSizes(reason="one process on the CPU")
    if settings.device_map == "null":
        return ParallelSizes(reason="one GPU (MMHIE_DEVICE_MAP=null)")
    if settings.device_map == "sequential":
        stages = min(gpus, model.layers)
        return ParallelSizes(1, stages, f"{stages} pipeline stages, one a GPU")
    legal = legal_sizes(model, gpus)
    fitting = next((size for size in legal if needs(ParallelSizes(size)).fits), None)
    if settings.device_map == "auto" and fitting:
        reason = f"tensor parallel {fitting}, the fewest of {gpus} GPUs that the model fits"
        return ParallelSizes(fitting, reason=reason)
    return ParallelSizes(legal[-1], reason=f"tensor parallel over {legal[-1]} of {gpus} GPUs")
