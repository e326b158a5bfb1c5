"""The trail on disk: whole lines appended under a lock, torn ones repaired, rotated by size."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from gateway.audit import chain
from gateway.audit.chain import START, Head
from gateway.timestamps import rfc3339

Fsync = Literal["always", "interval", "never"]
SYNC_EVERY_S = 1.0
TAIL_BYTES = 256 * 1024  # nearly always more than the last line
LOCK_WAIT_S = 2.0  # many times what a batch takes: who holds it longer is stopped or stuck
LOCK_POLL_S = 0.002


class ChainBroken(Exception):
    """The trail's last line was not written with this key; the message says where."""


class AuditFile:
    """One trail, shared by every process that appends to it: whoever holds the lock goes on from
    what the file says. Not for several threads at once."""

    def __init__(self, path: Path, *, key: str, rotate_bytes: int, fsync: Fsync) -> None:
        self.path = path
        self.head = START
        self._mac = chain.keyed(key)
        self._rotate_bytes = rotate_bytes
        self._fsync = fsync
        self._handle = -1
        self._size = -1
        self._synced = 0.0
        self._owes_sync = False
        self._notes: list[Mapping[str, Any]] = []

    def append(self, records: Sequence[Mapping[str, Any]]) -> Head:
        """Add records, all or none; raises OSError, or ChainBroken."""
        with self._locked():
            self._catch_up()
            if self._size >= self._rotate_bytes:
                self._rotate()
            lines, head = [], self.head
            for record in (*self._notes, *records):
                line, head = chain.seal(record, head, self._mac)
                lines.append(line)
            if lines:
                self._write(b"".join(lines))
            self.head = head
            self._notes.clear()
        return head

    def look(self) -> Head:
        """The head as it is on disk, a torn line repaired; raises OSError, or ChainBroken."""
        return self.append(())

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = self._size = -1

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock is a file of its own: the trail's is renamed when it rotates."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(self.path.with_name(self.path.name + ".lock"), flags, 0o600)
        try:
            take(lock)
            yield
        finally:
            os.close(lock)

    def _catch_up(self) -> None:
        """See the file as it is now: ours untouched, or another process was here."""
        if not self._is_current():
            self.close()
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._handle = os.open(self.path, flags, 0o600)
        size = os.fstat(self._handle).st_size
        if size != self._size:
            self.head = self._recover(size)

    def _is_current(self) -> bool:
        if self._handle < 0:
            return False
        try:
            there, ours = os.stat(self.path), os.fstat(self._handle)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _recover(self, size: int) -> Head:
        """The head of what is there; a line torn by a crash is taken off and noted, a complete one
        that lacks nothing but its newline is kept."""
        start, tail = end_of(self._handle, size)
        whole, _, torn = tail.rpartition(b"\n")
        if torn:
            size = self._repair(size, torn)
            whole = tail if size > start + len(tail) else whole
        self._size = size
        last = whole.rpartition(b"\n")[2]
        if last:
            return self._trusted(last, self.path)
        rotated = rotated_files(self.path)
        return self._trusted(last_line(rotated[-1]), rotated[-1]) if rotated else START

    def _repair(self, size: int, torn: bytes) -> int:
        line = chain.open_line(torn, self._mac)
        if line is not None and line.is_genuine:
            return size + os.write(self._handle, b"\n")
        os.ftruncate(self._handle, size - len(torn))
        self._notes.append(event("repair", torn_bytes=len(torn)))
        return size - len(torn)

    def _trusted(self, last: bytes, where: Path) -> Head:
        line = chain.open_line(last, self._mac)
        if line is None or not line.is_genuine:
            raise ChainBroken(
                f"the last line of {where} was not written with this MMHIE_AUDIT_KEY, or was "
                "changed; run `mmhie audit verify`, or name a new file"
            )
        return line.head

    def _rotate(self) -> None:
        """Go on in a new file whose first line says from which; the chain does not notice."""
        aside = self.path.with_name(f"{self.path.name}.{self.head.seq:012d}")
        if self._fsync != "never":
            os.fsync(self._handle)
        self.path.rename(aside)
        self._catch_up()
        self._notes.append(event("rotation", previous=aside.name))
        self._sync_folder()

    def _write(self, content: bytes) -> None:
        """All of it or none: a disk that fills up leaves no half line behind."""
        written = 0
        try:
            while written < len(content):
                written += os.write(self._handle, content[written:])
            self._owes_sync = self._fsync != "never"
            self.sync_when_due()
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self._size)
            self._size = -1 if written else self._size  # look again, whatever became of it
            raise
        self._size += written

    @property
    def owes_sync(self) -> bool:
        """Whether lines were written that the disk was not yet made to keep."""
        return self._owes_sync

    def sync_when_due(self) -> None:
        """Keep to the policy, also when nothing more is written; raises OSError."""
        is_due = time.monotonic() - self._synced >= SYNC_EVERY_S
        if self._owes_sync and (is_due or self._fsync == "always"):
            self.sync()

    def sync(self) -> None:
        """Force to the disk what an interval still owes it; raises OSError."""
        if self._handle >= 0 and self._fsync != "never":
            self._force()
        self._owes_sync = False

    def _force(self) -> None:
        os.fdatasync(self._handle)
        self._synced = time.monotonic()

    def _sync_folder(self) -> None:
        if self._fsync == "never":
            return
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def event(kind: str, **facts: Any) -> dict[str, Any]:
    """A record about the trail itself or the service, as opposed to one about a request."""
    return {"time": rfc3339_now(), "kind": kind, **facts}


def rfc3339_now() -> str:
    return rfc3339(time.time())


def rotated_files(path: Path) -> list[Path]:
    """The earlier files of a trail, oldest first."""
    found = (one for one in path.parent.glob(f"{path.name}.*") if one.suffix[1:].isdigit())
    return sorted(found, key=lambda one: int(one.suffix[1:]))


def tail_of(path: Path) -> bytes:
    """The last part of a trail, which holds what was written last; empty when there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read()
    except OSError:
        return b""


def last_line(path: Path) -> bytes:
    """The last line of a closed file, without its newline."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        tail = end_of(handle, os.fstat(handle).st_size)[1]
    finally:
        os.close(handle)
    return tail.rstrip(b"\n").rpartition(b"\n")[2]


def end_of(handle: int, size: int) -> tuple[int, bytes]:
    """The end of a file and where it starts: the whole of its last line, however long, is in it."""
    length = TAIL_BYTES
    while True:
        start = max(0, size - length)
        tail = os.pread(handle, size - start, start)
        if start == 0 or tail.count(b"\n") > 1:
            return start, tail
        length *= 4


def take(lock: int) -> None:
    """Take the lock; raises OSError when another process sits on it: a process that was stopped
    while it wrote must raise the alarm here and not hang every other writer."""
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise OSError(errno.EAGAIN, "another process holds its lock") from None
            time.sleep(LOCK_POLL_S)
        else:
            return
