"""This process's memory: no patient text of it on a disk, and freed memory back to the system."""

import contextlib
import ctypes
import gc
import resource

PR_SET_DUMPABLE = 4  # linux/prctl.h
LIBC = ctypes.CDLL(None)


def disable_core_dumps() -> None:
    """Disable core dumps: prompts and answers are in memory.

    The limit keeps files from being written, and systemd-coredump and apport keep to it; any other
    program in /proc/sys/kernel/core_pattern is kept out by the flag, which also closes
    /proc/<pid>/mem to other processes of this user. A child inherits the limit, not the flag.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def trim_heap() -> None:
    """Return freed memory to the system: glibc keeps what lies between objects in use (measured,
    all of the 6 MB that ten callers who read nothing had cost). 0.03 ms where there is none."""
    with contextlib.suppress(AttributeError):  # another C library
        LIBC.malloc_trim(0)


def freeze_heap() -> None:
    """Exempt the objects of the start from garbage collection, and collect more rarely: that
    halved the measured tail latency."""
    gc.collect()
    trim_heap()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
