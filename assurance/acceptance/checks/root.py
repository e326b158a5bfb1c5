"""The root file system is read-only: who breaks in changes no program."""

import os
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.host import Host

KERNELS: Final = ("/proc", "/sys", "/dev")  # no programs are kept there


@dataclass(frozen=True, slots=True)
class RootFilesystem:
    """Mode of the root's mount, and the other mounts that this user can write to."""

    is_read_only: bool
    writable: tuple[str, ...]


async def measure(host: Host) -> RootFilesystem:
    """Ask the kernel: that this user may not write there would say less."""
    flags = os.statvfs(host.root).f_flag
    lines = (host.proc / "self/mounts").read_text().splitlines()
    mounts = sorted({line.split()[1] for line in lines} - {"/"})
    own = [mount for mount in mounts if not mount.startswith(KERNELS)]
    # A mount that is read-only refuses everybody, root too.
    writable = [mount for mount in own if os.access(mount, os.W_OK)]
    return RootFilesystem(bool(flags & os.ST_RDONLY), tuple(writable))


def judge(measured: RootFilesystem) -> Verdict:
    """It is."""
    how = "read-only" if measured.is_read_only else "writable"
    return Verdict(
        {"The root file system is writable.": not measured.is_read_only},
        "The root file system is read-only.",
        f"{how}; this user can write to {', '.join(measured.writable) or 'no other mount'}",
        "read-only",
    )


CHECK: Final = Check("read-only root", RootFilesystem, measure, judge)
