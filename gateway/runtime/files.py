"""Files shared with other programs: watched for changes, replaced atomically."""

import contextlib
import errno
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from gateway.runtime.log import log

CHECK_EVERY_S = 1.0
Value = TypeVar("Value")
Stamp = tuple[int, int, int]


class FileUnusable(Exception):
    """The content of a file cannot be used; the message says why."""


def open_file(path: Path) -> BinaryIO:
    """Open a file to be read; a pipe does not block, and has nothing. Raises OSError."""
    return open(path, "rb", opener=open_nonblocking)


def open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to be read. Raises OSError, also for a pipe, and for a device, whose
    content has no end."""
    file = open_file(path)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def read_bounded(path: Path, most: int) -> bytes:
    """Read a file up to a size, of which a longer one is cut. Raises OSError."""
    with open_file(path) as file:
        return file.read(most) or b""


class WatchedFile(Generic[Value]):
    """A value read from files, and read again when one of them changes.

    `read` may raise FileUnusable: then the last good value stays, and `problem` says why. `name` is
    the setting's, for the log. `generation` increases with each new value.
    """

    def __init__(
        self,
        *paths: Path,
        read: Callable[[], Value],
        initial: Value,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.value = initial
        self.problem: str | None = None
        self.generation = 0
        self._paths = paths
        self._read = read
        self._name = name
        self._clock = clock
        self._next_check = float("-inf")
        self._stamps: tuple[Stamp | None, ...] = ()

    @property
    def is_missing(self) -> bool:
        """True if one of the files did not exist when it was last read."""
        return None in self._stamps

    def current(self) -> Value:
        """Return the value; checks the files for changes at most once a second."""
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY_S
            self.refresh()
        return self.value

    def refresh(self) -> None:
        """Check the files now, and read them if they have changed or could not be used before."""
        stamps = self._look()
        if stamps == self._stamps and self.problem is None:
            return
        try:
            self.value = self._read()
        except FileUnusable as reason:
            self._report(f"{self._name} cannot be used: {reason}.")
            return
        self._stamps, self.problem = stamps, None
        self.generation += 1

    def skip(self) -> None:
        """Treat the files as already read: only later changes count."""
        self._stamps = self._look()

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(map(stamp_of, self._paths))

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            log.error("%s cannot be used; the content before stays in force", self._name)
        self.problem = problem


def stamp_of(path: Path) -> Stamp | None:
    """Return a stamp that changes with the file; None if there is no file."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return (0, 0, 0)  # not accessible; reading it raises the error
    # ctime changes with the permissions, too
    return (seen.st_ctime_ns, seen.st_size, seen.st_ino)


def write_json(path: Path, content: object, *, mode: int = 0o666) -> None:
    """Replace a file with a JSON document; raises OSError."""
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode(), mode=mode)


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file atomically, even if power fails. A private file keeps its owner. Raises
    OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            if not mode & 0o077:  # else root would take a private file away from its owner
                keep_owner(path, handle)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)  # no other process uses this name
        raise


def keep_owner(path: Path, draft: int) -> None:
    """Give the draft the owner of the file that it replaces, if any; raises OSError. The group
    needs no change, as it has no access."""
    with contextlib.suppress(FileNotFoundError):
        before = path.stat()
        if before.st_uid != os.fstat(draft).st_uid:
            os.fchown(draft, before.st_uid, before.st_gid)


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to the disk; raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
