"""Endings that no restart mends, told from lines as CUDA, NCCL, torch and vLLM write them."""

from __future__ import annotations

import pytest

from launcher.errors import DeviceFailed, EngineOutOfMemory, LauncherError, NotEnoughMemory
from launcher.serving.failures import start_error

LOGGED = "(EngineCore pid=7) ERROR 11-26 12:00:00 [core.py:1] RuntimeError: "
# What stands before the words, the words, and what stands behind them.
FAULTS = (
    ("torch.AcceleratorError: ", "CUDA error: an illegal memory access was encountered", ""),
    (LOGGED, "CUDA error: uncorrectable ECC error encountered", ""),
    ("", "CUDA error: unspecified launch failure", ""),
    ("", "NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.", ""),
    ("torch.distributed.DistBackendError: ", "NCCL error in: ProcessGroupNCCL.cpp:3699", ""),
    ("", "ncclRemoteError", ": A call failed possibly due to a network error"),
    ("[Rank 1] ", "Watchdog caught collective operation timeout", ": WorkNCCL(SeqNum=9)"),
)
MENDABLE = (
    "RuntimeError: CUDA error: out of memory",
    "RuntimeError: CUDA error: no kernel image is available for execution on the device",
    "INFO 11-26 12:00:00 [pynccl.py:70] vLLM is using nccl==2.28.3",
    "ValueError: Total number of attention heads (9) must be divisible by 2.",
)
MEMORY = (
    "CUDA driver error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.65 GiB.",
    "No available memory for the cache blocks. Try increasing `gpu_memory_utilization`.",
    "Free memory on device cuda:0 (40.1/79.65 GiB) on startup is less than desired GPU memory",
    "To serve at least one request (12.0 GiB KV cache is needed, which is larger than the available"
    " KV cache memory (3.2 GiB).",
)


def end(*lines: str) -> LauncherError:
    """The error of a start that ended with these lines."""
    try:
        return start_error(1, lines, "set less")
    except LauncherError as error:
        return error


@pytest.mark.parametrize(("before", "words", "behind"), FAULTS)
def test_a_fault_of_the_device(before: str, words: str, behind: str) -> None:
    """Its own words, wherever the line was."""
    error = end("INFO before", f"{before}{words}{behind}", "INFO after")

    assert isinstance(error, DeviceFailed)
    assert f"({words.rstrip('.')})" in str(error)


def test_other_endings() -> None:
    """A restart, or a person, can do something; torch's and vLLM's want of memory is recognised."""
    mendable = [type(end(line)) for line in MENDABLE]
    memory = [end(f"RuntimeError: {line}") for line in MEMORY]

    assert DeviceFailed not in mendable
    assert {type(error) for error in memory} == {EngineOutOfMemory}
    assert all(str(error).endswith("To need less, set less.") for error in memory)


def test_no_room_in_shared_memory() -> None:
    """NCCL fails, and no GPU is broken."""
    line = "NCCL WARN Error: failed to extend /dev/shm/nccl-a1 to 9 bytes, error: No space left"
    error = end("ncclSystemError", line)

    assert isinstance(error, NotEnoughMemory)
    assert "--shm-size" in str(error)


def test_no_gpu_memory_for_nccl() -> None:
    """The error that it raises says only that CUDA failed."""
    raised = "torch.distributed.DistBackendError: NCCL error in: NCCLUtils.cpp:94, unhandled cuda"
    lines = (raised, "ncclUnhandledCudaError: Call failed.", "Cuda failure 2 'out of memory'")

    assert isinstance(end(*lines), EngineOutOfMemory)
