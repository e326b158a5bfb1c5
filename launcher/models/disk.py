"""The disk of the hub's cache: room for a fetch, and its failures as sentences."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from launcher.errors import ModelError, NotEnoughDisk

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
UNWRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def check_room(cache: Path, needed: int) -> None:
    """Raise NotEnoughDisk when so many bytes do not fit."""
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise NotEnoughDisk(
            f"{needed / 2**30:.2f} GiB have to be fetched and {existing} has "
            f"{free / 2**30:.2f} GiB free: make room, or set HF_HOME to a folder on a larger disk."
        )


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
