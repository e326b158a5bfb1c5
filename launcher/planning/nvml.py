"""GPUs as NVIDIA's driver reports them (NVML), and a sentence for each answer that is none."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import pynvml

from launcher.errors import DeviceFailed, HardwareError
from launcher.planning.cards import UNIFIED, Gpu
from launcher.planning.hardware import read_memory

# The wheels of requirements/engine-gpu.txt are built for it; NVML counts 13.0 as 13000.
CUDA: Final = (13, 0)
DRIVER: Final = 580  # the first with CUDA 13 (NVIDIA's CUDA Toolkit release notes, table 3)
SLICE: Final = " MIG "  # in the name of one
NOBODY: Final = ("", "-1")  # CUDA_VISIBLE_DEVICES that hides every GPU

# A restart of the machine, or of the container, is needed: no process can mend it.
FAILURES: Final = {
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "The NVIDIA driver's library and kernel module have different versions, as after an "
        "update: restart the machine (a container has to be made anew)."
    ),
    pynvml.NVML_ERROR_GPU_IS_LOST: (
        "{subject} is lost: it does not answer its driver any more (Xid 79 in the kernel's log): "
        "restart the machine, and have the card checked if it happens again."
    ),
    pynvml.NVML_ERROR_RESET_REQUIRED: (
        "{subject} has to be reset: run `nvidia-smi --gpu-reset`, or restart the machine."
    ),
}
REFUSALS: Final = {
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "The NVIDIA driver is installed and its kernel module is not loaded: run `modprobe nvidia` "
        "or install the driver for this kernel; without a GPU, set MMHIE_DEVICE=cpu."
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "{subject} may not be used by this user: give the container a slice that it may use "
        "(NVIDIA_VISIBLE_DEVICES=MIG-...), or this user access to /dev/nvidia-caps."
    ),
    pynvml.NVML_ERROR_NOT_SUPPORTED: (
        "{subject} does not say how much memory it has, as GPUs that share the CPU's memory do: "
        "it is not supported; use a GPU with memory of its own, or set MMHIE_DEVICE=cpu."
    ),
    **dict.fromkeys(
        (pynvml.NVML_ERROR_NOT_FOUND, pynvml.NVML_ERROR_INVALID_ARGUMENT),
        "{subject} of CUDA_VISIBLE_DEVICES is not on this machine; `nvidia-smi -L` lists all.",
    ),
}
# vLLM takes a slice's number among the slices for a GPU's.
NAMED_SLICE: Final = (
    "CUDA_VISIBLE_DEVICES names a slice (MIG), which vLLM may not find: give the container this "
    "slice alone (NVIDIA_VISIBLE_DEVICES) and unset CUDA_VISIBLE_DEVICES."
)
OTHERWISE: Final = (
    "{subject} does not work (NVML: {error}): see what `nvidia-smi` says, or set MMHIE_DEVICE=cpu."
)
Handle = Any  # pynvml has no types


def parse_visible(visible: str | None) -> tuple[str, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES names, by number, UUID or slice."""
    parts = (part.strip() for part in (visible or "").split(","))
    return tuple(part for part in parts if part not in NOBODY)


def read_gpus(visible: str | None) -> tuple[Gpu, ...]:
    """The GPUs that a program sees with this CUDA_VISIBLE_DEVICES; none without a driver.

    Raises HardwareError, DeviceFailed where a GPU or the driver does not work.
    """
    with translate_errors("The NVIDIA driver"):
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError_LibraryNotFound:
            return ()
    try:
        with translate_errors("The NVIDIA driver"):
            count = pynvml.nvmlDeviceGetCount()
        ids = tuple(map(str, range(count))) if visible is None else parse_visible(visible)
        if ids:
            check_driver()
        if any(name.startswith("MIG-") for name in ids):
            raise HardwareError(NAMED_SLICE)
        gpus = tuple(map(_gpu, ids))
        # a process sees one slice and nothing beside it (NVIDIA's MIG User Guide)
        return tuple(gpu for gpu in gpus if SLICE in gpu.name)[:1] or gpus
    finally:
        pynvml.nvmlShutdown()


@contextmanager
def translate_errors(subject: str) -> Iterator[None]:
    """NVML's errors about this subject, as sentences."""
    try:
        yield
    except pynvml.NVMLError as error:
        if sentence := FAILURES.get(error.value):
            raise DeviceFailed(sentence.format(subject=subject)) from error
        sentence = REFUSALS.get(error.value, OTHERWISE)
        raise HardwareError(sentence.format(subject=subject, error=error)) from error


def check_driver() -> None:
    """Raise HardwareError where the driver is older than the engine's packages need.

    The library's CUDA version decides: packages for forward compatibility raise it.
    """
    with translate_errors("The NVIDIA driver"):
        cuda = divmod(pynvml.nvmlSystemGetCudaDriverVersion_v2() // 10, 100)
        driver = pynvml.nvmlSystemGetDriverVersion()
    if cuda < CUDA:
        raise HardwareError(
            f"The NVIDIA driver {driver} is too old: it runs CUDA {cuda[0]}.{cuda[1]} and the "
            f"engine's packages need {CUDA[0]}.{CUDA[1]}; install driver {DRIVER} or newer."
        )


def _gpu(name: str) -> Gpu:
    subject = f"GPU {name}" if name.isdecimal() else name
    with translate_errors(subject):
        if name.isdecimal():
            handle = pynvml.nvmlDeviceGetHandleByIndex(int(name))
        else:
            handle = pynvml.nvmlDeviceGetHandleByUUID(name)
        capability = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    used = _first_slice(handle, subject) if _is_sliced(handle) else handle
    with translate_errors(subject):
        model = pynvml.nvmlDeviceGetName(used)
    with translate_errors(f"{subject} ({model})"):
        total, free = _memory(used, capability)
    if not total:
        raise HardwareError(f"{subject} ({model}) says that it has no memory: see `nvidia-smi`.")
    return Gpu(model, total / 2**30, capability, id=name, free_gib=free / 2**30)


def _is_sliced(handle: Handle) -> bool:
    """Most GPUs cannot be cut into slices, and say so by an error."""
    try:
        return bool(pynvml.nvmlDeviceGetMigMode(handle)[0])
    except pynvml.NVMLError:
        return False


def _first_slice(parent: Handle, subject: str) -> Handle:
    """The slice of a GPU that CUDA sees when none is named."""
    with translate_errors(f"The slices (MIG) of {subject}"):
        for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(parent)):
            with suppress(pynvml.NVMLError_NotFound):
                return pynvml.nvmlDeviceGetMigDeviceHandleByIndex(parent, index)
    raise HardwareError(
        f"{subject} is in MIG mode and has no slice: make one (`nvidia-smi mig -cgi 0 -C`), or "
        "switch the mode off (`nvidia-smi -mig 0`)."
    )


def _memory(handle: Handle, capability: tuple[int, int]) -> tuple[int, int]:
    """Bytes in all and free; of a GB10 those of the machine, as vLLM counts it (`MemorySnapshot`
    in utils/mem_utils.py).
    """
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError_NotSupported:
        if capability != UNIFIED:
            raise
        return read_memory("MemTotal"), read_memory("MemAvailable")
    return memory.total, memory.free
