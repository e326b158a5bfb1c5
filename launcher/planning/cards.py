"""GPUs, and those known by name."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from launcher.errors import HardwareError

# What wheels for CUDA 13 have kernels for: from Turing to Blackwell.
OLDEST: Final = (7, 5)
NEWEST: Final = (12, 1)
HOPPER: Final = (9, 0)
# GB10, whose memory is the CPU's as well: NVML does not say how much it is.
UNIFIED: Final = (12, 1)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or a slice of one; memory in GiB, CUDA compute capability as (major, minor).

    A GPU of this machine has CUDA's name for it, and the memory that is free now.
    """

    name: str
    memory_gib: float
    compute_capability: tuple[int, int] = (8, 0)
    id: str = field(default="", kw_only=True)
    free_gib: float | None = field(default=None, kw_only=True)

    @property
    def free_share(self) -> float:
        """The share of its memory that is free now."""
        return 1.0 if self.free_gib is None else self.free_gib / self.memory_gib

    def check_capability(self) -> None:
        """Raise HardwareError if the engine's packages have no kernels for it."""
        major, minor = self.compute_capability
        if (major, minor) < OLDEST or major > NEWEST[0]:
            raise HardwareError(
                f"{self.name} has compute capability {major}.{minor}, and the engine's packages "
                "are built for 7.5 to 12.1: use another GPU, or set MMHIE_DEVICE=cpu."
            )


CARDS: Final = {
    name: Gpu(row["name"], row["memory_gib"], tuple(row["compute_capability"]))
    for name, row in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}
