"""The share of each GPU's memory that the engine may use beside other processes.

vLLM does not start when less is free than this share of the whole (`request_memory` in
v1/worker/utils.py).
"""

import math
from typing import Final

from launcher.planning.hardware import Hardware
from launcher.settings import LauncherSettings

GPU_FRACTION: Final = 0.92
CONTEXT_GIB: Final = 0.6  # of CUDA, allocated before vLLM measures the free memory
NEIGHBOUR_GIB: Final = 1.0  # in use; less is the driver's own


def gpu_fraction(settings: LauncherSettings, hardware: Hardware, nccl_gib: float = 0.0) -> float:
    """Return the configured share, else the default, but no more than is free beside NCCL."""
    if settings.gpu_memory_utilization is not None:
        return settings.gpu_memory_utilization
    return min(GPU_FRACTION, free_fraction(hardware, nccl_gib))


def free_fraction(hardware: Hardware, nccl_gib: float = 0.0) -> float:
    """Return the largest share with which vLLM starts, rounded down to hundredths."""
    is_counted = hardware.free_share < 1 or nccl_gib
    taken = (CONTEXT_GIB + nccl_gib) / hardware.gpu_gib if is_counted else 0.0
    return max(0.01, math.floor((hardware.free_share - taken) * 100) / 100)


def describe_neighbours(hardware: Hardware) -> str:
    """Return how much memory other processes use, in words; empty if it is little."""
    used = (gpu.memory_gib * (1 - gpu.free_share) for gpu in hardware.gpus)
    used_gib = max(used, default=0)
    is_much = used_gib > NEIGHBOUR_GIB
    return f"other processes hold {used_gib:.1f} GiB of GPU memory" if is_much else ""
