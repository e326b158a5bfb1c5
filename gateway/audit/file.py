"""The trail on disk: lines are appended under a lock, repaired when torn, rotated by size."""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead
from gateway.audit.rotation import last_line, read_end, rotated_files
from gateway.audit.tampering import Mark, tampering
from gateway.record import rfc3339
from gateway.runtime.files import sync_folder
from gateway.runtime.json_types import Json
from gateway.settings.gateway import GatewaySettings, SettingsError

HOST = socket.gethostname()
ROTATE_BYTES = 100 * 1024 * 1024
SYNC_EVERY_S = 1.0  # what a power failure can lose
LOCK_WAIT_S = 2.0  # many times what a batch takes: who holds it longer is stopped or stuck
LOCK_POLL_S = 0.002


class ChainBroken(Exception):
    """The trail's last line was not written with this key; the message says where."""


class AuditFile:
    """A trail that several processes append to: whoever holds the lock continues from what the
    file says. Not thread-safe."""

    def __init__(self, path: Path, *, key: str, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.path = path
        self.key = key
        self.head = START
        self._mac = chain.new_mac(key)
        self._rotate_bytes = rotate_bytes
        self._handle = -1
        self._size = -1
        self._synced = 0.0
        self.owes_sync = False  # lines are written that have not been forced to the disk
        self._events: list[Json] = []  # repairs and rotations to be recorded
        self._mark: Mark | None = None
        self.on_tampering: Callable[[str], None] = lambda _: None

    @classmethod
    def of(cls, settings: GatewaySettings) -> "AuditFile | None":
        """Return the trail's file; None when none is configured."""
        if settings.audit_file is None or settings.audit_key is None:
            return None
        return cls(settings.audit_file, key=settings.audit_key.get_secret_value())

    def append(self, records: Sequence[Json]) -> ChainHead:
        """Append records, all or none, and return the head on disk; a torn line is repaired first.
        Raise OSError or ChainBroken."""
        with lock_trail(self.path):
            self._follow_file()
            if self._size >= self._rotate_bytes:
                self._rotate()
            lines, head = [], self.head
            for record in (*self._events, *records):
                line, head = chain.signed_line(record, head, self._mac)
                lines.append(line)
            if lines:
                self._write(b"".join(lines))
            self.head = head
            self._events.clear()
            ours = os.fstat(self._handle)
            self._mark = Mark(ours.st_dev, ours.st_ino, self._size, head)
        return head

    def look(self) -> None:
        """Look for tampering while nothing is written; raise OSError or ChainBroken."""
        if self._mark is not None:
            self.append(())

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = self._size = -1

    def _follow_file(self) -> None:
        """Open the file if it was rotated, and read its head if another process has appended."""
        self._notice_tampering()
        if not self._is_current():
            self.close()
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._handle = os.open(self.path, flags, 0o600)
        size = os.fstat(self._handle).st_size
        if size != self._size:
            self.head = self._read_head(size)

    def _notice_tampering(self) -> None:
        """Record, once, what was done to the trail since this process last had it."""
        mark = self._mark
        what = tampering(self.path, mark) if mark is not None else None
        if mark is None or what is None:
            return
        self._mark, self._size = None, -1  # go on from what is there
        self.record_tampering(what, mark.head)

    def record_tampering(self, what: str, head: ChainHead) -> None:
        """Write, with the next lines, what was done when this had been the head."""
        self._events.append(event("tampered", what=what, known_seq=head.seq, known_mac=head.mac))
        self.on_tampering(what)

    def _is_current(self) -> bool:
        if self._handle < 0:
            return False
        try:
            there, ours = os.stat(self.path), os.fstat(self._handle)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _read_head(self, size: int) -> ChainHead:
        """Return the head on disk. A line torn by a crash is removed and recorded; a complete line
        without its newline gets one."""
        start, tail = read_end(self._handle, size)
        whole, _, torn = tail.rpartition(b"\n")
        if torn:
            size = self._repair(size, torn)
            whole = tail if size > start + len(tail) else whole
        self._size = size
        last = whole.rpartition(b"\n")[2]
        if last:
            return self._verified_head(last, self.path)
        rotated = rotated_files(self.path)
        return self._verified_head(last_line(rotated[-1]), rotated[-1]) if rotated else START

    def _repair(self, size: int, torn: bytes) -> int:
        line = chain.parse_line(torn, self._mac)
        if line is not None and line.is_genuine:
            return size + os.write(self._handle, b"\n")
        os.ftruncate(self._handle, size - len(torn))
        self._events.append(event("repair", torn_bytes=len(torn)))
        return size - len(torn)

    def _verified_head(self, last: bytes, where: Path) -> ChainHead:
        line = chain.parse_line(last, self._mac)
        if line is None or not line.is_genuine:
            raise ChainBroken(
                f"the last line of {where} was changed, or written with another "
                "MMHIE_AUDIT_KEY; run `mmhie audit verify`, or set a new file"
            )
        return line.head

    def _rotate(self) -> None:
        """Continue the same chain in a new file, whose first line names the old one."""
        aside = self.path.with_name(f"{self.path.name}.{self.head.seq:012d}")
        os.fsync(self._handle)
        self.path.rename(aside)
        self._follow_file()
        self._events.append(event("rotation", previous=aside.name))
        sync_folder(self.path.parent)

    def _write(self, content: bytes) -> None:
        """Write all or nothing: a full disk leaves no partial line behind."""
        written = 0
        try:
            while written < len(content):
                written += os.write(self._handle, content[written:])
            self.owes_sync = True
            self.sync_when_due()
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self._size)
            self._size = -1 if written else self._size  # read the file again, whatever is in it
            raise
        self._size += written

    def sync_when_due(self) -> None:
        """Force lines to the disk, at most once a second; raise OSError."""
        if self.owes_sync and time.monotonic() - self._synced >= SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Force what was written to the disk; raise OSError."""
        if self._handle >= 0:
            self._force()
        self.owes_sync = False

    def _force(self) -> None:
        os.fdatasync(self._handle)
        self._synced = time.monotonic()


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError when the trail cannot be continued. A disk that is full or read-only is
    another matter: MMHIE_AUDIT_ON_FAILURE decides."""
    file = AuditFile.of(settings)
    if file is None:
        return
    try:
        file.append(())
    except ChainBroken as problem:
        raise SettingsError(f"MMHIE_AUDIT_FILE: {problem}.") from None
    except OSError:
        return
    finally:
        file.close()


def append_event(settings: GatewaySettings, kind: str, **facts: str) -> None:
    """Append one event from another program; raise OSError or ChainBroken."""
    file = AuditFile.of(settings)
    if file is None:
        return
    try:
        file.append([event(kind, **facts)])
        file.sync()
    finally:
        file.close()


def event(kind: str, **facts: object) -> Json:
    """Return a record about the trail itself or the service, not about a request."""
    return {"time": rfc3339(time.time()), "kind": kind, "host": HOST, **facts}


def lock_of(trail: Path) -> Path:
    return trail.with_name(trail.name + ".lock")


@contextlib.contextmanager
def lock_trail(trail: Path) -> Iterator[None]:
    """Hold a trail's lock: a file of its own, since rotation renames the trail. Raises OSError."""
    lock = os.open(lock_of(trail), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        acquire(lock)
        yield
    finally:
        os.close(lock)


def acquire(lock: int) -> None:
    """Acquire the lock; raise OSError if that takes too long. A process that was stopped while it
    wrote must raise an alarm here, not block every other writer."""
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
