"""GPUs, and the data sheets of those known by name: one table for plans and capacity alike."""

from dataclasses import dataclass
from typing import Final

from launcher.errors import HardwareError

DEFAULT_CAPABILITY: Final = (8, 0)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; memory in GiB, CUDA compute capability as (major, minor)."""

    name: str
    memory_gib: float
    compute_capability: tuple[int, int] = DEFAULT_CAPABILITY


@dataclass(frozen=True, slots=True)
class Card(Gpu):
    """A GPU with its data sheet's memory bandwidth (GB/s) and dense bf16 arithmetic (TFLOP/s)."""

    bandwidth_gb_s: float = 0.0
    bf16_tflops: float = 0.0


# NVIDIA's data sheets; SXM where there are several, arithmetic without sparsity.
CARDS: Final = {
    "h100": Card("H100 SXM", 80, (9, 0), 3350, 989),
    "h200": Card("H200 SXM", 141, (9, 0), 4800, 989),
    "b200": Card("B200", 180, (10, 0), 8000, 2250),
    "a100": Card("A100 SXM 80 GB", 80, (8, 0), 2039, 312),
    "a100-40": Card("A100 40 GB", 40, (8, 0), 1555, 312),
    "l40s": Card("L40S", 48, (8, 9), 864, 362),
    "l4": Card("L4", 24, (8, 9), 300, 121),
    "a10": Card("A10", 24, (8, 6), 600, 125),
    "rtx4090": Card("RTX 4090", 24, (8, 9), 1008, 165),
}


def card(name: str) -> Card:
    """The GPU of that name; HardwareError lists the known ones."""
    found = CARDS.get(name.strip().lower())
    if found is None:
        raise HardwareError(f"The GPU {name!r} is not known; known are {', '.join(CARDS)}.")
    return found
