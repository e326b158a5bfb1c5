"""Tensor, pipeline and data parallel sizes: the GPUs a model is spread over."""

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
    if device == "cpu":
        sizes = ParallelSizes(settings.tensor_parallel or 1, 1, settings.data_parallel or 1)
        reason = f"tensor {sizes.tensor} x data {sizes.data} parallel on the CPU"
        parallelism = Parallelism(sizes, reason)
    elif settings.tensor_parallel is None and settings.pipeline_parallel is None:
        parallelism = _with_ranks(settings, _choose_by_map(settings, model, hardware, needs))
    else:
        sizes = ParallelSizes(settings.tensor_parallel or 1, settings.pipeline_parallel or 1)
        reason = f"tensor {sizes.tensor} x pipeline {sizes.pipeline} as asked"
        parallelism = _with_ranks(settings, Parallelism(sizes, reason))
    for is_present, problem in _conflicts(settings, model, hardware, device, parallelism.sizes):
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
    if settings.device_map == "balanced":
        reason = f"tensor parallel over {legal[-1]} of {gpus} GPUs"
        sizes = ParallelSizes(legal[-1])
    else:
        fitting = next((size for size in legal if needs(ParallelSizes(size)).fits), None)
        sizes = ParallelSizes(fitting) if fitting else _widest(model, gpus, needs)
        fewest = f"tensor parallel {fitting}, the fewest GPUs the model fits"
        reason = fewest if fitting else _on_all(sizes)
    return Parallelism(sizes, reason, _uneven(sizes.devices, gpus))


def _widest(
    model: ModelFacts, gpus: int, needs: Callable[[ParallelSizes], MemoryEstimate]
) -> ParallelSizes:
    """Tensor parallelism over all GPUs; where it cannot have all, stages that hold more with them.

    A stage waits for those before it, so that tensor parallelism is preferred.
    """
    widest = ParallelSizes(legal_sizes(model, gpus)[-1])
    if widest.tensor == gpus:
        return widest
    staged = [
        ParallelSizes(tensor, gpus // tensor)
        for tensor in legal_sizes(model, gpus // 2)
        if gpus // tensor <= model.layers
    ]
    return max((widest, *staged), key=lambda sizes: needs(sizes).max_concurrent)


def _on_all(sizes: ParallelSizes) -> str:
    if sizes.pipeline == 1:
        return "all GPUs"
    return (
        f"{sizes.pipeline} pipeline stages of {sizes.tensor}, which hold more at once than the "
        "GPUs that tensor parallelism can use"
    )


def _uneven(size: int, gpus: int) -> tuple[str, ...]:
    if gpus in (size, 1) or gpus % size == 0:
        return ()
    return (
        f"{gpus} GPUs cannot share this model's heads and feed-forward width evenly; "
        f"{size} are used.",
    )


def _with_ranks(settings: LauncherSettings, one: Parallelism) -> Parallelism:
    if settings.data_parallel is None:
        return one
    sizes = replace(one.sizes, data=settings.data_parallel)
    return replace(one, sizes=sizes, reason=f"{one.reason}, {sizes.data} data parallel ranks")


def _with_idle(parallelism: Parallelism, hardware: Hardware) -> Parallelism:
    """Warn of GPUs that are left over, and say what would use them."""
    names = hardware.gpu_names
    used = parallelism.sizes.devices * parallelism.sizes.data
    if not (idle := names[used:]):
        return parallelism
    copies = len(names) // used
    sentence = f"Idle: GPU {', '.join(idle)}. This engine uses GPU {', '.join(names[:used])} alone."
    if copies > 1:
        sentence += f" `mmhie serve` with MMHIE_ENGINES={copies} runs {copies} copies."
    return replace(parallelism, warnings=(*parallelism.warnings, sentence))


def _conflicts(
    settings: LauncherSettings,
    model: ModelFacts,
    hardware: Hardware,
    device: Device,
    sizes: ParallelSizes,
) -> Iterator[tuple[object, str]]:
    """Yield combinations that vLLM takes and that cannot run, or for which no memory can be
    counted, each with its sentence."""
    needed, gpus = sizes.devices * sizes.data, len(hardware.gpus)
    yield (
        device == "cpu" and (settings.pipeline_parallel or 1) > 1,
        "MMHIE_PIPELINE_PARALLEL does not work on the CPU: the engine starts and fails on the "
        "first request; use MMHIE_TENSOR_PARALLEL.",
    )
    yield (
        device == "cpu" and model.experts and sizes.data > 1,
        "MMHIE_DATA_PARALLEL does not work on the CPU with a mixture of experts: the engine "
        "starts and fails on the first request; use MMHIE_TENSOR_PARALLEL.",
    )
    yield (
        not is_legal(model, sizes.tensor),
        f"MMHIE_TENSOR_PARALLEL={sizes.tensor} does not divide this model ({model.heads} heads, "
        f"{model.kv_heads} KV heads, feed-forward width {model.intermediate}); possible sizes: "
        f"{', '.join(map(str, legal_sizes(model, max(8, sizes.tensor))))}.",
    )
    yield (  # vLLM spreads experts over the ranks too: tensor x data parts of their width
        model.experts and model.intermediate % (sizes.tensor * sizes.data),
        f"MMHIE_DATA_PARALLEL={sizes.data} x tensor {sizes.tensor} does not divide the "
        f"experts' width, {model.intermediate}, which all ranks share; MMHIE_ENGINES makes copies.",
    )
    yield (
        sizes.pipeline > model.layers,
        f"MMHIE_PIPELINE_PARALLEL={sizes.pipeline} is more than the model's {model.layers} layers.",
    )
    yield (
        device == "cuda" and needed > gpus,
        f"Tensor {sizes.tensor} x pipeline {sizes.pipeline} x data {sizes.data} parallel need "
        f"{needed} GPUs and {gpus} are there; lower one of them.",
    )
