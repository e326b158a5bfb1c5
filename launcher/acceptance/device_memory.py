"""Memory in use on each GPU, as NVML reports it."""

import pynvml


def used_gib() -> tuple[float, ...]:
    """Return GiB in use of each GPU of this machine; empty where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return tuple(pynvml.nvmlDeviceGetMemoryInfo(one).used / 2**30 for one in handles)
    except pynvml.NVMLError:  # memory that cannot be asked for: unified, or a slice
        return ()
    finally:
        pynvml.nvmlShutdown()


def used_more_gib(idle: tuple[float, ...]) -> float:
    """Return GiB that the fullest GPU holds more than when it was idle."""
    pairs = zip(used_gib(), idle, strict=False)
    return max((now - before for now, before in pairs), default=0.0)
