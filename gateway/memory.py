"""This process's memory: what was asked and answered is in it, so nothing writes it to a disk;
what it does not need goes back."""

import contextlib
import ctypes
import resource

PR_SET_DUMPABLE = 4  # linux/prctl.h


LIBC = ctypes.CDLL(None)


def seal() -> None:
    """No core dump, whatever kills us.

    The limit keeps files from being written, and systemd-coredump and apport keep to it; any other
    program in /proc/sys/kernel/core_pattern is kept out by the flag, which also closes
    /proc/<pid>/mem to other processes of this user. A child gets the limit and not the flag.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def give_back() -> None:
    """What was freed, to the system: glibc keeps what lies between things in use (measured, all of
    the 6 MB that ten callers who read nothing had cost). 0.03 ms where there is nothing to give."""
    with contextlib.suppress(AttributeError):  # another C library
        LIBC.malloc_trim(0)
