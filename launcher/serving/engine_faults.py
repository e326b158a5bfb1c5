"""Recognises, from an engine's last lines, the endings that a restart does not mend."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from launcher.errors import DeviceFailed, NotEnoughMemory
from launcher.serving import preflight

# A process that has seen one of these cannot go on (CUDA Runtime API, cudaError_t: "the process
# must be terminated and relaunched"), and the GPU or its driver may be in the same state still.
DEVICE: Final = re.compile(
    r"CUDA error: (?!out of memory|CUBLAS_STATUS_ALLOC|no kernel image|invalid)[\w (),'-]+"
    r"|[Uu]ncorrectable (?:ECC|NVLink) error[\w ]*"
    r"|NVRM: Xid.*|Xid \(PCI[^)]*\): \d+|GPU is lost|fallen off the bus"
    r"|NCCL error[^\n]{0,80}|nccl(?:UnhandledCuda|System|Internal|Remote)Error"
    r"|Watchdog caught collective operation timeout"
)
SHARED_MEMORY: Final = re.compile(r"dev/shm.*[Nn]o space left|[Nn]o space left.*dev/shm")
# NCCL's own line for a want of GPU memory; what torch raises of it names no reason.
NCCL_MEMORY: Final = re.compile(r"Cuda failure (?:\d+ )?'out of memory'")
MEMORY: Final = re.compile(
    r"out of memory|OutOfMemoryError|OOM on device|CUBLAS_STATUS_ALLOC_FAILED"
    r"|DefaultCPUAllocator: can't allocate"
    r"|No available memory for the cache blocks|than the available KV cache memory"
    r"|Free memory on device .* is less than|Available memory on node \d+ .* is less than"
)


def device_fault(lines: Collection[str]) -> str | None:
    """Return the first words about a GPU, its driver or NCCL that broke; None without any."""
    if any(NCCL_MEMORY.search(line) for line in lines):
        return None
    matches = (DEVICE.search(line) for line in lines)
    return next((match[0].strip() for match in matches if match), None)


def raise_device_fault(lines: Collection[str]) -> None:
    """Raise DeviceFailed where these lines tell of a fault that outlives the engine, and
    NotEnoughMemory where NCCL found no room in shared memory."""
    if any(SHARED_MEMORY.search(line) for line in lines):
        raise NotEnoughMemory(f"NCCL found no room in /dev/shm: {preflight.MORE_SHARED}.")
    if fault := device_fault(lines):
        raise DeviceFailed(
            f"A GPU, its driver or NCCL failed ({fault.rstrip('.')}), and no restart of the engine "
            "within this process mends that: start the container, or the launcher, anew; if it "
            "happens again, look for Xid in the kernel's log and have the GPU reset or exchanged."
        )


def is_out_of_memory(cause: str, lines: Iterable[str] = ()) -> bool:
    """Return whether this cause of an end, or one that NCCL wrote before, is a want of memory."""
    return bool(MEMORY.search(cause)) or any(NCCL_MEMORY.search(line) for line in lines)


def out_of_memory(cause: str, remedy: str) -> str:
    reason = cause if cause.endswith((".", "…")) else f"{cause}."
    return f"The engine ran out of memory while it loaded: {reason} To need less, {remedy}."
