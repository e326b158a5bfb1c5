"""Free space of the caches, locks in them, and errors of the disk."""

import errno
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from launcher.errors import ModelError, NotEnoughDisk

CACHE: Final = "MMHIE_CACHE_DIR"
GIB: Final = 2**30


def check_room(cache: Path, needed: int, merged_in: Path, merged: int) -> None:
    """Raise NotEnoughDisk if a download, and the checkpoint merged from it, do not fit."""
    what, variables = f"{needed / GIB:.2f} GiB have to be fetched", f"HF_HOME or {CACHE}"
    if merged and needed:
        what += f", {merged / GIB:.2f} GiB of merged weights are made of them,"
        require_room(merged_in, merged, what, variables)
        if find_existing(merged_in).stat().st_dev == find_existing(cache).stat().st_dev:
            needed += merged
    require_room(cache, needed, what, variables)


def find_existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def require_room(folder: Path, needed: float, what: str, variables: str = CACHE) -> int:
    """Return the free bytes; raise NotEnoughDisk if they are fewer than `what` needs."""
    folder = find_existing(folder)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise NotEnoughDisk(
            f"{what} and {folder} has {free / GIB:.2f} GiB free: make room, or set {variables} "
            "to a folder on a larger disk."
        )
    return free


@contextmanager
def lock(file: Path, wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Let one process at a time go on; `wait` is called before waiting. A dead one's lock is
    free."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield


@contextmanager
def translate_disk_errors(cache: Path, variable: str) -> Iterator[None]:
    """Raise errors of the disk as sentences with a remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotEnoughDisk(
                f"The disk with {cache} is full: make room, or set {variable} to a folder on a "
                "larger disk."
            ) from None
        raise ModelError(
            f"{cache} cannot be used ({error.strerror}): set {variable} to a folder that can be "
            "written."
        ) from None
