"""Over how many GPUs a model is spread, and how: tensor, pipeline and data parallel sizes."""

from collections.abc import Callable
from dataclasses import dataclass

from launcher.errors import PlanError
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Hardware
from launcher.planning.memory import Split
from launcher.settings import LauncherSettings


@dataclass(frozen=True, slots=True)
class Layout:
    """The split that was chosen, and what to say about it."""

    split: Split
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


def choose(
    settings: LauncherSettings,
    model: ModelFacts,
    hardware: Hardware,
    device: str,
    fits: Callable[[Split], bool],
) -> Layout:
    """The split these settings mean; PlanError names the sizes that would do."""
    if device == "cpu":
        layout = _on_cpu(settings, model, hardware.nodes)
        _check_nodes(settings, layout.split, hardware.nodes)
        return layout
    _check_copies(settings, hardware.nodes)
    layout = _explicit(settings, model) or _mapped(settings, model, hardware, fits)
    layout = _with_data_parallel(settings, model, layout)
    _check_count(layout.split, len(hardware.gpus) * hardware.nodes)
    _check_nodes(settings, layout.split, hardware.nodes)
    return _with_idle(model, layout, len(hardware.gpus) * hardware.nodes)


def _on_cpu(settings: LauncherSettings, model: ModelFacts, nodes: int) -> Layout:
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
    split = Split(tensor, 1, settings.data_parallel or 1)
    return Layout(split, f"tensor {split.tensor} x data {split.data} parallel on the CPU")


def _explicit(settings: LauncherSettings, model: ModelFacts) -> Layout | None:
    if settings.tensor_parallel is None and settings.pipeline_parallel is None:
        return None
    split = Split(settings.tensor_parallel or 1, settings.pipeline_parallel or 1)
    _check_legal(model, split.tensor)
    _check_layers(model, split.pipeline)
    return Layout(split, f"tensor {split.tensor} x pipeline {split.pipeline} as asked")


def _mapped(
    settings: LauncherSettings,
    model: ModelFacts,
    hardware: Hardware,
    fits: Callable[[Split], bool],
) -> Layout:
    per_node, nodes = len(hardware.gpus), hardware.nodes
    if settings.device_map == "null":
        return Layout(Split(), "one GPU (MMHIE_DEVICE_MAP=null)")
    if settings.device_map == "sequential":
        stages = min(per_node * nodes, model.layers)
        return Layout(Split(1, stages), f"{stages} pipeline stages, one a GPU")
    largest = legal_sizes(model, per_node)[-1]
    if settings.device_map == "balanced" or nodes > 1:
        return _balanced(largest, per_node, nodes)
    return _smallest(model, largest, per_node, fits)


def _balanced(largest: int, per_node: int, nodes: int) -> Layout:
    across = f" and {nodes} pipeline stages, one a node" if nodes > 1 else ""
    reason = f"tensor parallel over {largest} of {per_node} GPUs{across}"
    return Layout(Split(largest, nodes), reason, _uneven(largest, per_node))


def _smallest(
    model: ModelFacts, largest: int, per_node: int, fits: Callable[[Split], bool]
) -> Layout:
    for size in legal_sizes(model, per_node):
        if fits(Split(size)):
            reason = f"tensor parallel {size}, the fewest GPUs the model fits"
            return Layout(Split(size), reason, _uneven(size, per_node) if size > 1 else ())
    return Layout(Split(largest), "all GPUs", _uneven(largest, per_node))


def _uneven(size: int, per_node: int) -> tuple[str, ...]:
    if per_node in (size, 1) or per_node % size == 0:
        return ()
    return (
        f"{per_node} GPUs cannot share this model's heads and feed-forward width evenly; "
        f"{size} are used.",
    )


def _with_data_parallel(settings: LauncherSettings, model: ModelFacts, layout: Layout) -> Layout:
    if settings.data_parallel is None:
        return layout
    split = Split(layout.split.tensor, layout.split.pipeline, settings.data_parallel)
    if not _divides_experts(model, split):
        raise PlanError(
            f"MMHIE_DATA_PARALLEL={split.data} x tensor {split.tensor} does not divide the "
            f"experts' width, {model.intermediate}, which all copies share."
        )
    return Layout(split, f"{layout.reason}, {split.data} copies", layout.warnings)


def _divides_experts(model: ModelFacts, split: Split) -> bool:
    """vLLM spreads experts over the copies too: tensor x data parts of their width."""
    return not model.experts or model.intermediate % (split.tensor * split.data) == 0


def _with_idle(model: ModelFacts, layout: Layout, gpus: int) -> Layout:
    copies = gpus // layout.split.devices
    wider = Split(layout.split.tensor, layout.split.pipeline, copies)
    if copies <= layout.split.data or not _divides_experts(model, wider):
        return layout
    hint = f"MMHIE_DATA_PARALLEL={copies} would serve {copies} copies on all GPUs"
    return Layout(layout.split, f"{layout.reason}; {hint}", layout.warnings)


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


def _check_nodes(settings: LauncherSettings, split: Split, nodes: int) -> None:
    """vLLM's own multi-node start gives every node as many ranks; Ray places them as it can."""
    if settings.distributed_backend == "mp" and split.devices % nodes:
        raise PlanError(
            f"MMHIE_NODES is {nodes} and tensor {split.tensor} x pipeline {split.pipeline} "
            "parallel cannot be shared equally by as many nodes; change one of the three."
        )


def _check_count(split: Split, gpus: int) -> None:
    needed = split.devices * split.data
    if needed > gpus:
        raise PlanError(
            f"Tensor {split.tensor} x pipeline {split.pipeline} x data {split.data} parallel need "
            f"{needed} GPUs and {gpus} are there; lower one of them."
        )
