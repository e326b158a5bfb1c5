"""Tensor, pipeline and data parallel sizes: the GPUs a model is spread over."""

from collections.abc import Callable
from dataclasses import dataclass

from launcher.errors import PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Device, Hardware
from launcher.planning.memory import ParallelSizes
from launcher.settings import LauncherSettings


@dataclass(frozen=True, slots=True)
class Parallelism:
    """The sizes, with the reason and warnings."""

    sizes: ParallelSizes
    reason: str
    warnings: tuple[str, ...] = ()


def is_legal(model: ModelFacts, tensor: int) -> bool:
    """Heads, KV heads and feed-forward width can be cut into this many equal parts."""
    shared = not model.experts and tensor > model.kv_heads and tensor % model.kv_heads == 0
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
    fits: Callable[[ParallelSizes], bool],
) -> Parallelism:
    """The sizes these settings mean; PlanError names the sizes that would do."""
    if device == "cpu":
        layout = _on_cpu(settings, model, hardware.nodes)
        _check_nodes(settings, layout.sizes, hardware.nodes)
        return layout
    _check_copies(settings, hardware.nodes)
    layout = _explicit(settings, model) or _mapped(settings, model, hardware, fits)
    layout = _with_data_parallel(settings, model, layout)
    _check_count(layout.sizes, len(hardware.gpus) * hardware.nodes)
    _check_nodes(settings, layout.sizes, hardware.nodes)
    return _with_idle(model, layout, len(hardware.gpus) * hardware.nodes)


def _on_cpu(settings: LauncherSettings, model: ModelFacts, nodes: int) -> Parallelism:
    if (settings.pipeline_parallel or 1) > 1:
        raise PlanError(
            "MMHIE_PIPELINE_PARALLEL does not work on the CPU: the engine starts and fails on the "
            "first request; use MMHIE_TENSOR_PARALLEL."
        )
    if settings.distributed_backend == "ray":
        raise PlanError("vLLM has no Ray on the CPU; set MMHIE_DISTRIBUTED_BACKEND=mp.")
    if model.experts and (settings.data_parallel or 1) > 1:
        raise PlanError(
            "MMHIE_DATA_PARALLEL does not work on the CPU with a mixture of experts: the engine "
            "starts and fails on the first request; use MMHIE_TENSOR_PARALLEL."
        )
    _check_copies(settings, nodes)
    tensor = settings.tensor_parallel or nodes
    _check_legal(model, tensor)
    sizes = ParallelSizes(tensor, 1, settings.data_parallel or 1)
    return Parallelism(sizes, f"tensor {sizes.tensor} x data {sizes.data} parallel on the CPU")


def _explicit(settings: LauncherSettings, model: ModelFacts) -> Parallelism | None:
    if settings.tensor_parallel is None and settings.pipeline_parallel is None:
        return None
    sizes = ParallelSizes(settings.tensor_parallel or 1, settings.pipeline_parallel or 1)
    _check_legal(model, sizes.tensor)
    _check_layers(model, sizes.pipeline)
    return Parallelism(sizes, f"tensor {sizes.tensor} x pipeline {sizes.pipeline} as asked")


def _mapped(
    settings: LauncherSettings,
    model: ModelFacts,
    hardware: Hardware,
    fits: Callable[[ParallelSizes], bool],
) -> Parallelism:
    per_node, nodes = len(hardware.gpus), hardware.nodes
    if settings.device_map == "null":
        return Parallelism(ParallelSizes(), "one GPU (MMHIE_DEVICE_MAP=null)")
    if settings.device_map == "sequential":
        stages = min(per_node * nodes, model.layers)
        return Parallelism(ParallelSizes(1, stages), f"{stages} pipeline stages, one a GPU")
    largest = legal_sizes(model, per_node)[-1]
    if settings.device_map == "balanced" or nodes > 1:
        return _balanced(largest, per_node, nodes)
    return _smallest(model, largest, per_node, fits)


def _balanced(largest: int, per_node: int, nodes: int) -> Parallelism:
    across = f" and {nodes} pipeline stages, one a node" if nodes > 1 else ""
    reason = f"tensor parallel over {largest} of {per_node} GPUs{across}"
    return Parallelism(ParallelSizes(largest, nodes), reason, _uneven(largest, per_node))


def _smallest(
    model: ModelFacts, largest: int, per_node: int, fits: Callable[[ParallelSizes], bool]
) -> Parallelism:
    for size in legal_sizes(model, per_node):
        if fits(ParallelSizes(size)):
            reason = f"tensor parallel {size}, the fewest GPUs the model fits"
            return Parallelism(
                ParallelSizes(size), reason, _uneven(size, per_node) if size > 1 else ()
            )
    return Parallelism(ParallelSizes(largest), "all GPUs", _uneven(largest, per_node))


def _uneven(size: int, per_node: int) -> tuple[str, ...]:
    if per_node in (size, 1) or per_node % size == 0:
        return ()
    return (
        f"{per_node} GPUs cannot share this model's heads and feed-forward width evenly; "
        f"{size} are used.",
    )


def _with_data_parallel(
    settings: LauncherSettings, model: ModelFacts, layout: Parallelism
) -> Parallelism:
    if settings.data_parallel is None:
        return layout
    sizes = ParallelSizes(layout.sizes.tensor, layout.sizes.pipeline, settings.data_parallel)
    if not _divides_experts(model, sizes):
        raise PlanError(
            f"MMHIE_DATA_PARALLEL={sizes.data} x tensor {sizes.tensor} does not divide the "
            f"experts' width, {model.intermediate}, which all copies share."
        )
    return Parallelism(sizes, f"{layout.reason}, {sizes.data} copies", layout.warnings)


def _divides_experts(model: ModelFacts, sizes: ParallelSizes) -> bool:
    """vLLM spreads experts over the copies too: tensor x data parts of their width."""
    return not model.experts or model.intermediate % (sizes.tensor * sizes.data) == 0


def _with_idle(model: ModelFacts, layout: Parallelism, gpus: int) -> Parallelism:
    copies = gpus // layout.sizes.devices
    wider = ParallelSizes(layout.sizes.tensor, layout.sizes.pipeline, copies)
    if copies <= layout.sizes.data or not _divides_experts(model, wider):
        return layout
    hint = f"MMHIE_DATA_PARALLEL={copies} would serve {copies} copies on all GPUs"
    return Parallelism(layout.sizes, f"{layout.reason}; {hint}", layout.warnings)


def _check_legal(model: ModelFacts, tensor: int) -> None:
    if not is_legal(model, tensor):
        sizes = ", ".join(map(str, legal_sizes(model, max(8, tensor))))
        raise PlanError(
            f"MMHIE_TENSOR_PARALLEL={tensor} does not divide this model ({model.heads} heads, "
            f"{model.kv_heads} KV heads, feed-forward width {model.intermediate}); "
            f"possible sizes: {sizes}."
        )


def _check_layers(model: ModelFacts, pipeline: int) -> None:
    if pipeline > model.layers:
        raise PlanError(
            f"MMHIE_PIPELINE_PARALLEL={pipeline} is more than the model's {model.layers} layers."
        )


def _check_copies(settings: LauncherSettings, nodes: int) -> None:
    if nodes > 1 and (settings.data_parallel or 1) > 1:
        raise PlanError(
            "MMHIE_DATA_PARALLEL over several nodes is not planned here: run one launcher on each "
            "node and a router before them."
        )


def _check_nodes(settings: LauncherSettings, sizes: ParallelSizes, nodes: int) -> None:
    """vLLM's own multi-node start gives every node as many ranks; Ray places them as it can."""
    if settings.distributed_backend == "mp" and sizes.devices % nodes:
        raise PlanError(
            f"MMHIE_NODES is {nodes} and tensor {sizes.tensor} x pipeline {sizes.pipeline} "
            "parallel cannot be shared equally by as many nodes; change one of the three."
        )


def _check_count(sizes: ParallelSizes, gpus: int) -> None:
    needed = sizes.devices * sizes.data
    if needed > gpus:
        raise PlanError(
            f"Tensor {sizes.tensor} x pipeline {sizes.pipeline} x data {sizes.data} parallel need "
            f"{needed} GPUs and {gpus} are there; lower one of them."
        )
