"""Free space of the caches, the lock of a download, and errors of the disk."""

import errno
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from launcher.errors import ModelError, NotEnoughDisk

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
CACHE: Final = "MMHIE_CACHE_DIR"
GIB: Final = 2**30
UNWRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def check_room(cache: Path, needed: int, merged_in: Path, merged: int) -> None:
    """Raise NotEnoughDisk if a download, and the checkpoint merged from it, do not fit."""
    if not needed:
        return
    what = f"{needed / GIB:.2f} GiB have to be fetched"
    if merged and find_existing(merged_in).stat().st_dev == find_existing(cache).stat().st_dev:
        what += f", {merged / GIB:.2f} GiB of merged weights are made of them,"
        require_room(cache, needed + merged, what, "HF_HOME or MMHIE_CACHE_DIR")
        return
    what_then = f"{merged / GIB:.2f} GiB of merged weights are made of what is fetched"
    require_room(merged_in, merged, what_then)
    require_room(cache, needed, what, "HF_HOME")


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
def lock_repository(repository: Path, wait: Callable[[], object]) -> Iterator[None]:
    """Let one process at a time download a repository; `wait` is called before waiting."""
    lock = repository / ".mmhie" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def translate_disk_errors(cache: Path) -> Iterator[None]:
    """Raise errors of the disk as sentences with a remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NotEnoughDisk(
                f"The disk with {cache} is full: make room, or set HF_HOME to a folder on a larger "
                "disk; what came is kept."
            ) from None
        what = "written" if error.errno in UNWRITABLE else "used"
        raise ModelError(
            f"{cache} cannot be {what} ({error.strerror}): set HF_HOME to a folder that can be, or "
            "have `mmhie fetch` fill it where it can be."
        ) from None
