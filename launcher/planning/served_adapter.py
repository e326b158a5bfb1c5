"""Finds adapters that vLLM refuses or applies wrongly, before it serves them."""

from collections.abc import Sequence

from launcher.errors import PlanError
from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.models.families import LORA_TARGETS
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
    adapter: AdapterFacts,
    model: ModelFacts,
    hardware: Hardware,
    workload: Workload,
    obstacle: str | None,
) -> None:
    """Raise PlanError for an adapter that vLLM would refuse to apply, or apply wrongly.

    `obstacle` is the reason why it cannot be merged instead, None where it can.
    """
    instead = "merge it (MMHIE_MERGE_ADAPTER=true), or"
    if obstacle:
        instead = f"it cannot be merged ({obstacle}), so"
    if names := _find_refused(adapter, model):
        taken = ", ".join(LORA_TARGETS[model.model_type]["taken"])
        raise PlanError(
            f"The adapter {adapter.id} changes {', '.join(names)}, and of {model.model_type} vLLM "
            f"applies adapters to {taken} alone; {instead} train it on these."
        )
    if any(gpu.compute_capability == HOPPER for gpu in hardware.gpus):
        raise PlanError(
            f"The adapter {adapter.id} would be applied while serving, and vLLM 0.32 computes that "
            f"wrongly on GPUs of compute capability 9.0 (H100, H200); {instead} use other GPUs."
        )
    tensor = workload.sizes.tensor
    has_experts = any("experts" in name for name in (*adapter.modules, *adapter.targets))
    # vLLM cuts the adapter at the padded width, and the base at its own
    is_padded = padding_bytes(model, workload.quantization, tensor) > 0
    if has_experts and tensor > 1 and is_padded:
        raise PlanError(
            f"The adapter {adapter.id} changes experts, and vLLM 0.32 divides its matrices wrongly "
            "among GPUs: set MMHIE_TENSOR_PARALLEL=1, or use GPUs that hold the model each."
        )


def _find_refused(adapter: AdapterFacts, model: ModelFacts) -> Sequence[str]:
    """Modules that vLLM cannot apply this adapter to; a name in a configuration alone may be one
    that the model does not have.
    """
    row = LORA_TARGETS.get(model.model_type)
    if row is None:
        return ()
    if adapter.modules:
        return [name for name in adapter.modules if name not in row["taken"]]
    return [name for name in row["refused"] if name in adapter.targets]
