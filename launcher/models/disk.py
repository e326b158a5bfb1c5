"""Disks of the caches: room, the lock of a fetch, and failures as sentences."""

import errno
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from launcher.errors import ModelError, NotEnoughDisk

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
CACHE: Final = "MMHIE_CACHE_DIR"
_MERGED: Final = "{:.2f} GiB of merged weights are made of what is fetched"
UNWRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Merge:
    """A checkpoint that is written once all is fetched: its folder's parent, and its bytes."""

    folder: Path
    size: int


def check_room(cache: Path, needed: int, merge: Merge | None = None) -> None:
    """Raise NotEnoughDisk when so many bytes do not fit, and what is made of them besides."""
    variables = "HF_HOME"
    what = f"{needed / 2**30:.2f} GiB have to be fetched"
    if needed and merge and existing(merge.folder).stat().st_dev == existing(cache).stat().st_dev:
        needed, variables = needed + merge.size, "HF_HOME or MMHIE_CACHE_DIR"
        what += f", {merge.size / 2**30:.2f} GiB of merged weights are made of them,"
    elif needed and merge:
        require_room(merge.folder, merge.size, _MERGED.format(merge.size / 2**30))
    require_room(cache, needed, what, variables)


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def require_room(folder: Path, needed: float, what: str, variables: str = CACHE) -> int:
    """Return the free bytes; raise NotEnoughDisk, which says what for, when fewer than needed."""
    folder = existing(folder)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise NotEnoughDisk(
            f"{what} and {folder} has {free / 2**30:.2f} GiB free: make room, or set {variables} "
            "to a folder on a larger disk."
        )
    return free


@contextmanager
def locked(repository: Path, wait: Callable[[], object]) -> Iterator[None]:
    """One fetch of a repository at a time; a dead holder's lock is free."""
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
def disk_errors(cache: Path) -> Iterator[None]:
    """Raise a failure of the disk as a sentence with its remedy."""
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
