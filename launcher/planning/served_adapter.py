"""Refuses adapters that vLLM would apply wrongly."""

from launcher.errors import PlanError
from launcher.models.facts import AdapterFacts
from launcher.planning.cards import HOPPER
from launcher.planning.hardware import Hardware
from launcher.planning.memory import Workload
from launcher.planning.weights import padding_bytes


def check_kind(adapter: AdapterFacts) -> None:
    """Raise PlanError for an adapter that neither a merge nor vLLM applies as it was trained."""
    if adapter.unservable:
        raise PlanError(
            f"The adapter {adapter.id} has {', '.join(adapter.unservable)}, which can neither be "
            "merged exactly nor be applied by vLLM: use a plain LoRA adapter, or a checkpoint into "
            "which its makers merged it."
        )


def check_served(
    adapter: AdapterFacts, hardware: Hardware, load: Workload, obstacle: str | None
) -> None:
    """Raise PlanError for an adapter that vLLM would apply wrongly while serving.

    `obstacle` is the reason why it cannot be merged instead.
    """
    if any(gpu.compute_capability == HOPPER for gpu in hardware.gpus):
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
