"""A LoRA adapter's matrices, matched with the weights they change."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from launcher.checkpoints.tensors import Float, floats
from launcher.errors import PlanError
from launcher.models.families import Config
from launcher.models.safetensors_header import Tensor

PREFIX: Final = "base_model.model."
KEY: Final = re.compile(r"(?P<module>.+)\.lora_(?P<part>[AB])(\.\w+)?\.weight")


@dataclass(frozen=True, slots=True)
class LoraPair:
    """W + scale * B A for one weight."""

    target: Tensor
    a: Tensor
    b: Tensor
    scale: float

    def merged(self) -> Float:
        """The new weight; everything is added in float32 and rounded once, when it is written."""
        delta = floats(self.b) @ floats(self.a)
        return floats(self.target) + self.scale * delta


def pairs(
    config: Config, adapter: Mapping[str, Tensor], base: Mapping[str, Tensor]
) -> dict[str, LoraPair]:
    """Every changed weight's pair by the weight's name; PlanError for one that is not exact."""
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in adapter.items():
        match = KEY.fullmatch(name)
        if match is None:
            raise PlanError(
                f"The adapter has {name}, which is no LoRA matrix and cannot be merged; "
                "set MMHIE_MERGE_ADAPTER=false to serve it unmerged, on a GPU."
            )
        module = match["module"].removeprefix(PREFIX)
        halves.setdefault(module, {})[match["part"]] = tensor
    if not halves:
        raise PlanError("The adapter has no LoRA matrices: fetch it again.")
    pairs = [_pair(config, module, half, base) for module, half in sorted(halves.items())]
    return {pair.target.name: pair for pair in pairs}


def _pair(
    config: Config, module: str, half: Mapping[str, Tensor], base: Mapping[str, Tensor]
) -> LoraPair:
    target = base.get(f"{module}.weight")
    if target is None or target.dtype not in ("BF16", "F16", "F32"):
        raise PlanError(
            f"The adapter changes {module}, which is packed or absent in the base; set "
            "MMHIE_MERGE_ADAPTER=false to serve it unmerged, on a GPU."
        )
    if set(half) != {"A", "B"}:
        raise PlanError(
            f"The adapter has only one of the two matrices of {module}: fetch it again."
        )
    a, b = half["A"], half["B"]
    if (b.shape[0], a.shape[-1]) != target.shape or b.shape[-1] != a.shape[0]:
        raise PlanError(
            f"The adapter's matrices for {module} do not have the base's shape: set "
            "MMHIE_BASE_MODEL to the model it was trained on."
        )
    return LoraPair(target, a, b, scale(config, module, a.shape[0]))


def scale(config: Config, module: str, rank: int) -> float:
    """alpha / rank, or alpha / sqrt(rank) for rank-stabilised adapters (PEFT's rules)."""
    patterns: Mapping[str, float] = config.get("alpha_pattern") or {}
    special = [value for key, value in patterns.items() if re.fullmatch(rf"(.*\.)?({key})", module)]
    alpha = float(special[0] if special else config.get("lora_alpha", 8))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
