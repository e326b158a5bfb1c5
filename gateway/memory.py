"""What was asked and answered is in this process's memory: nothing writes that memory to a disk."""

import contextlib
import ctypes
import resource

PR_SET_DUMPABLE = 4  # linux/prctl.h


def seal() -> None:
    """No core dump, whatever kills us.

    The limit keeps files from being written, and systemd-coredump and apport keep to it; any other
    program in /proc/sys/kernel/core_pattern is kept out by the flag, which also closes
    /proc/<pid>/mem to other processes of this user. A child gets the limit and not the flag.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
