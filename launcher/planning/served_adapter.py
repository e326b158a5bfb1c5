"""Adapters that are folded into their base, applied while serving, or refused."""

from launcher.errors import PlanError
from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.planning.cards import HOPPER
from launcher.planning.hardware import Hardware
from launcher.planning.memory import Workload
from launcher.planning.weights import LORA_RANKS, buffer_rank, padding_bytes
from launcher.settings import LauncherSettings


def check_kind(adapter: AdapterFacts, hardware: Hardware) -> None:
    """Raise PlanError for an adapter that nothing here applies as it was trained."""
    if adapter.unservable:
        raise PlanError(
            f"The adapter {adapter.id} has {', '.join(adapter.unservable)}, which can neither be "
            "merged exactly nor be applied by vLLM: use a plain LoRA adapter, or a checkpoint into "
            "which its makers merged it."
        )
    if adapter.unmergeable and not hardware.gpus:
        raise PlanError(
            f"The adapter {adapter.id} has {', '.join(adapter.unmergeable)}, so it cannot be "
            "merged, and adapters do not run on the CPU unmerged; use a GPU."
        )


def merge_obstacle(model: ModelFacts) -> str | None:
    """The reason why an adapter cannot be folded into its base exactly, or None."""
    if model.adapter and model.adapter.unmergeable:
        return f"it has {', '.join(model.adapter.unmergeable)}"
    if model.quantization not in (None, "mxfp4"):
        return f"the base's weights are packed as {model.quantization}"
    return None


def served_rank(settings: LauncherSettings, model: ModelFacts, hardware: Hardware) -> int:
    """The rank of vLLM's buffers for an adapter that is applied while serving, 0 without one."""
    adapter = model.adapter
    is_exact = settings.merge_adapter and not merge_obstacle(model)
    if adapter is None or adapter.merged or is_exact or not hardware.gpus:
        return 0
    rank = buffer_rank(adapter.rank)
    if rank is None:
        raise PlanError(
            f"The adapter {adapter.id} has rank {adapter.rank}, and vLLM applies at most "
            f"{LORA_RANKS[-1]} while serving; merge it (MMHIE_MERGE_ADAPTER=true)."
        )
    return rank


def check_served(adapter: AdapterFacts, hardware: Hardware, load: Workload) -> None:
    """Raise PlanError for an adapter that vLLM would apply wrongly while serving."""
    if any(gpu.compute_capability == HOPPER for gpu in hardware.gpus):
        obstacle = merge_obstacle(load.model)
        cannot = f"it cannot be merged ({obstacle}), so"
        instead = cannot if obstacle else "merge it (MMHIE_MERGE_ADAPTER=true), or"
        raise PlanError(
            f"The adapter {adapter.id} would be applied while serving, and vLLM 0.32 computes that "
            f"wrongly on GPUs of compute capability 9.0 (H100, H200); {instead} use other GPUs."
        )
    tensor = load.sizes.tensor
    has_experts = any("experts" in name for name in (*adapter.modules, *adapter.targets))
    # vLLM cuts the adapter at the padded width, and the base at its own
    is_padded = padding_bytes(load.model, load.quantization, tensor) > 0
    if has_experts and tensor > 1 and is_padded:
        raise PlanError(
            f"The adapter {adapter.id} changes experts, and vLLM 0.32 divides its matrices wrongly "
            "among GPUs: set MMHIE_TENSOR_PARALLEL=1, or use GPUs that hold the model each."
        )
