"""Cards as NVML and CUDA describe them: what vLLM asks before it decides anything."""

from typing import Any, Final, NamedTuple


class Card(NamedTuple):
    """Name, compute capability, memory in GiB, streaming multiprocessors.

    NVML tells the memory, but not where it is the CPU's as well.
    """

    name: str
    capability: tuple[int, int]
    memory_gib: float
    processors: int
    tells_memory: bool = True

    def facts(self, count: int) -> dict[str, Any]:
        return {**self._asdict(), "count": count}


# Names as nvidia-smi prints them; memory is what is left of the data sheet's with ECC on.
CARDS: Final = {
    "t4": Card("Tesla T4", (7, 5), 14.6, 40),
    "a10": Card("NVIDIA A10", (8, 6), 22.1, 72),
    "l4": Card("NVIDIA L4", (8, 9), 22.0, 58),
    "a100-40": Card("NVIDIA A100-SXM4-40GB", (8, 0), 39.4, 108),
    "a100": Card("NVIDIA A100-SXM4-80GB", (8, 0), 79.3, 108),
    "l40s": Card("NVIDIA L40S", (8, 9), 44.4, 142),
    "rtx3090": Card("NVIDIA GeForce RTX 3090", (8, 6), 23.6, 82),
    "rtx4090": Card("NVIDIA GeForce RTX 4090", (8, 9), 23.6, 128),
    "h100": Card("NVIDIA H100 80GB HBM3", (9, 0), 79.2, 132),
    "h200": Card("NVIDIA H200", (9, 0), 139.8, 132),
    "b200": Card("NVIDIA B200", (10, 0), 178.4, 148),
    "b300": Card("NVIDIA B300", (10, 3), 268.6, 148),
    "rtx5090": Card("NVIDIA GeForce RTX 5090", (12, 0), 31.8, 170),
    "gb10": Card("NVIDIA GB10", (12, 1), 119.7, 48, tells_memory=False),
    "h100-mig": Card("NVIDIA H100 80GB HBM3 MIG 1g.10gb", (9, 0), 9.5, 16),
}
