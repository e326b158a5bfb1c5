"""Tensor and pipeline parallel sizes: the GPUs a model is spread over."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from launcher.errors import PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Device, Hardware
from launcher.planning.memory import MemoryEstimate, ParallelSizes
from launcher.settings import LauncherSettings


@dataclass(frozen=True, slots=True)
class Parallelism:
    """The sizes, with the reason and warnings."""

    sizes: ParallelSizes
    reason: str
    warnings: tuple[str, ...] = ()


def is_legal(model: ModelFacts, tensor: int) -> bool:
    """Heads, KV heads and feed-forward width can be cut into this many equal parts."""
    is_wider = tensor > model.kv_heads and tensor % model.kv_heads == 0
    shared = is_wider and not model.is_gpt_oss  # its attention cuts KV heads only (gpt_oss.py)
    kv_heads = model.kv_heads % tensor == 0 or shared
    return kv_heads and model.heads % tensor == 0 and model.intermediate % tensor == 0


def legal_sizes(model: ModelFacts, most: int) -> list[int]:
    """Every tensor-parallel size up to `most` this model can run with."""
    return [size for size in range(1, most + 1) if is_legal(model, size)]


def choose_parallelism(
    settings: LauncherSettings,
    model: ModelFacts,
    hardware: Hardware,
    device: Device,
    needs: Callable[[ParallelSizes], MemoryEstimate],
) -> Parallelism:
    """The sizes these settings mean; PlanError names the sizes that would do."""
    if settings.tensor_parallel is not None or device == "cpu":
        size = settings.tensor_parallel or 1
        parallelism = Parallelism(ParallelSizes(size), f"tensor parallel {size}")
    else:
        parallelism = _choose_by_map(settings, model, hardware, needs)
    for is_present, problem in _conflicts(model, hardware, device, parallelism.sizes):
        if is_present:
            raise PlanError(problem)
    return parallelism if device == "cpu" else _with_idle(parallelism, hardware)


def _choose_by_map(
    settings: LauncherSettings,
    model: ModelFacts,
    hardware: Hardware,
    needs: Callable[[ParallelSizes], MemoryEstimate],
) -> Parallelism:
    gpus = len(hardware.gpus)
    if settings.device_map == "null":
        return Parallelism(ParallelSizes(), "one GPU (MMHIE_DEVICE_MAP=null)")
    if settings.device_map == "sequential":
        stages = min(gpus, model.layers)
        return Parallelism(ParallelSizes(1, stages), f"{stages} pipeline stages, one a GPU")
    legal = legal_sizes(model, gpus)
    fitting = next((size for size in legal if needs(ParallelSizes(size)).fits), None)
    if settings.device_map == "auto" and fitting:
        reason = f"tensor parallel {fitting}, the fewest GPUs the model fits"
        return Parallelism(ParallelSizes(fitting), reason)
    return Parallelism(ParallelSizes(legal[-1]), f"tensor parallel over {legal[-1]} of {gpus} GPUs")


def _with_idle(parallelism: Parallelism, hardware: Hardware) -> Parallelism:
    """Warn of GPUs that are left over, and say what would use them."""
    names, used = hardware.gpu_names, parallelism.sizes.devices
    if not (idle := names[used:]):
        return parallelism
    copies = len(names) // used
    sentence = f"Idle: GPU {', '.join(idle)}. This engine uses GPU {', '.join(names[:used])} alone."
    if copies > 1:
        sentence += f" `mmhie serve` with MMHIE_ENGINES={copies} runs {copies} copies."
    return replace(parallelism, warnings=(*parallelism.warnings, sentence))


def _conflicts(
    model: ModelFacts, hardware: Hardware, device: Device, sizes: ParallelSizes
) -> Iterator[tuple[bool, str]]:
    """Yield what cannot run, each with its sentence."""
    gpus = len(hardware.gpus)
    yield (
        not is_legal(model, sizes.tensor),
        f"MMHIE_TENSOR_PARALLEL={sizes.tensor} does not divide this model ({model.heads} heads, "
        f"{model.kv_heads} KV heads, feed-forward width {model.intermediate}); possible sizes: "
        f"{', '.join(map(str, legal_sizes(model, max(8, sizes.tensor))))}.",
    )
    yield (
        device == "cuda" and sizes.devices > gpus,
        f"MMHIE_TENSOR_PARALLEL={sizes.tensor} needs as many GPUs and {gpus} are there; lower it.",
    )
