"""Files that others write or read: watched for changes, replaced as a whole."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from gateway.runtime.log import log

CHECK_EVERY_S = 1.0
Value = TypeVar("Value")
Stamp = tuple[int, int, int]


class FileUnusable(Exception):
    """A file has no content that can be used; the message says why."""


def parse_json(document: str | bytes) -> Any:
    """Return the content of a JSON document of any depth; raise ValueError where it is none."""
    try:
        return json.loads(document)
    except RecursionError:
        raise ValueError("the document is nested too deep") from None


class WatchedFile(Generic[Value]):
    """A value read from files, and again when one of them changes; the last good one stays.

    `read` raises FileUnusable. `name` is the setting, for the log and for `problem`, which is None
    while all is well; `generation` grows with each value.
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
        """True when a file did not exist at the last reading."""
        return None in self._stamps

    def current(self) -> Value:
        """Return the value, after a look at the files if the last one was a second ago."""
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY_S
            self.refresh()
        return self.value

    def refresh(self) -> None:
        """Look at the files now, and read them if they have changed or were unusable."""
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
        """Take the files as read: only a later change counts."""
        self._stamps = self._look()

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(map(stamp_of, self._paths))

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            log.error("%s cannot be used; the content before stays in force", self._name)
        self.problem = problem


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes whenever the file does; None when there is no file."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return (0, 0, 0)  # there, but out of reach: reading it says why
    # ctime: a file that only became readable has changed, too
    return (seen.st_ctime_ns, seen.st_size, seen.st_ino)


def write_json(path: Path, content: object, *, mode: int = 0o666) -> None:
    """Replace a file by a JSON document; raise OSError."""
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode(), mode=mode)


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file, whole or not at all, a power cut included; a private one stays its owner's.
    Raise OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            if not mode & 0o077:  # nobody else could read what, say, root has replaced
                keep_owner(path, handle)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)  # each process has a name of its own for it
        raise


def keep_owner(path: Path, draft: int) -> None:
    """Give a draft the owner of the file that it replaces, if any; raise OSError. A group alone is
    left: it may read neither of the two, and its owner could not always give it."""
    with contextlib.suppress(FileNotFoundError):
        before = path.stat()
        if before.st_uid != os.fstat(draft).st_uid:
            os.fchown(draft, before.st_uid, before.st_gid)


def sync_folder(path: Path) -> None:
    """Force the names in a folder to the disk; raise OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
