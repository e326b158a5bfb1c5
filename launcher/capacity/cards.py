"""GPUs by name: memory, bandwidth and arithmetic of their data sheets."""

from dataclasses import dataclass
from typing import Final

from launcher.errors import HardwareError
from launcher.planning.hardware import Gpu

# Share of the data sheet's bf16 arithmetic that vLLM reached reading prompts of gpt-oss-20b,
# from the published runs in published.py; generations without one get the lowest.
READ_SHARE: Final = {8: 0.36, 9: 0.24}
UNPUBLISHED_SHARE: Final = 0.24


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU: GiB for vLLM's purposes, GB/s, dense bf16 TFLOP/s, CUDA compute capability."""

    name: str
    memory_gib: float
    bandwidth_gb_s: float
    bf16_tflops: float
    capability: tuple[int, int]

    @property
    def gpu(self) -> Gpu:
        """As the launcher plans with it."""
        return Gpu(self.name, self.memory_gib, self.capability)

    @property
    def is_published(self) -> bool:
        """Whether a run on this architecture is among the published ones."""
        return self.capability in ((8, 0), (9, 0))

    @property
    def read_flops(self) -> float:
        """FLOP/s it reaches where arithmetic is the limit."""
        share = READ_SHARE[self.capability[0]] if self.is_published else UNPUBLISHED_SHARE
        return self.bf16_tflops * 1e12 * share


# NVIDIA's data sheets; SXM where there are several, arithmetic without sparsity.
CARDS: Final = {
    "h100": Card("H100 SXM", 80, 3350, 989, (9, 0)),
    "h200": Card("H200 SXM", 141, 4800, 989, (9, 0)),
    "b200": Card("B200", 180, 8000, 2250, (10, 0)),
    "a100": Card("A100 SXM 80 GB", 80, 2039, 312, (8, 0)),
    "a100-40": Card("A100 40 GB", 40, 1555, 312, (8, 0)),
    "l40s": Card("L40S", 48, 864, 362, (8, 9)),
    "l4": Card("L4", 24, 300, 121, (8, 9)),
    "a10": Card("A10", 24, 600, 125, (8, 6)),
    "rtx4090": Card("RTX 4090", 24, 1008, 165, (8, 9)),
}


def card(name: str) -> Card:
    """The GPU of that name; HardwareError names those that are known."""
    found = CARDS.get(name.strip().lower())
    if found is None:
        known = ", ".join(CARDS)
        raise HardwareError(f"The GPU {name!r} is not known here; known are {known}.")
    return found
