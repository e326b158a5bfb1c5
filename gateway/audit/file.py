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
from gateway.audit.rotation import LONGEST_LINE, Place, files_from, read_end, rotated_files
from gateway.record import rfc3339
from gateway.runtime.files import open_regular, sync_folder
from gateway.runtime.json_types import Json
from gateway.settings.gateway import GatewaySettings, SettingsError

HOST = socket.gethostname()
ROTATE_BYTES = 100 * 1024 * 1024
SYNC_EVERY_S = 1.0  # what a power failure can lose
LOCK_WAIT_S = 2.0  # many times what a batch takes: who holds it longer is stopped or stuck
LOCK_POLL_S = 0.002
BEGINNING = b'{"seq":'


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
        self._place: Place | None = None  # where this process has left the trail
        self._synced = 0.0
        self.owes_sync = False  # lines are written that have not been forced to the disk
        self._events: list[Json] = []  # repairs and rotations to be recorded
        self.on_tampering: Callable[[str], None] = lambda _: None

    @classmethod
    def of(cls, settings: GatewaySettings) -> "AuditFile | None":
        if settings.audit_file is None or settings.audit_key is None:
            return None
        return cls(settings.audit_file, key=settings.audit_key.get_secret_value())

    def append(self, records: Sequence[Json]) -> ChainHead:
        """Append records, all or none, and return the head on disk; a torn line is repaired first.
        Raise OSError or ChainBroken."""
        with lock_beside(self.path):
            self._notice_tampering()
            size = self._read_head()
            if size >= self._rotate_bytes:
                size = self._rotate()
            lines, head = [], self.head
            for record in (*self._events, *records):
                line, head = chain.signed_line(record, head, self._mac)
                lines.append(line)
            if lines:
                size += self._write(b"".join(lines))
            self.head = head
            self._events.clear()
            self._place = Place(size, head)
        return head

    def look(self) -> None:
        """Look for tampering while nothing is written; raise OSError or ChainBroken."""
        if self._place is not None:
            self.append(())

    def _notice_tampering(self) -> None:
        """Record, once, that the trail is no longer as this process has left it: it only grows."""
        place = self._place
        if place is None or files_from(self.path, place) or self._was_archived(place):
            return
        self._place = None  # go on from what is there
        self.record_tampering(f"line {place.head.seq} is not where it was written", place.head)

    def _was_archived(self, place: Place) -> bool:
        """Return whether a later rotation explains that the file is gone."""
        with contextlib.suppress(FileNotFoundError), open_regular(self.path) as file:
            first = chain.genuine_line(file.readline(LONGEST_LINE), self._mac)
            if first and first.record["kind"] == "rotation":
                return first.head.seq > place.head.seq
        return False

    def record_tampering(self, what: str, head: ChainHead) -> None:
        """Write, with the next lines, what was done when this had been the head."""
        self._events.append(event("tampered", what=what, known_seq=head.seq, known_mac=head.mac))
        self.on_tampering(what)

    def _read_head(self) -> int:
        """Read the head on disk, and return the file's size. A line torn by a crash is removed and
        recorded, after a genuine one; a complete line without its newline gets one."""
        with open_private(self.path) as handle:
            size = os.fstat(handle).st_size
            whole, _, torn = read_end(handle, size).rpartition(b"\n")
            last = whole.rpartition(b"\n")[2]
            if chain.genuine_line(torn, self._mac):
                size, last, torn = size + os.write(handle, b"\n"), torn, b""
            is_ours = size < LONGEST_LINE and BEGINNING.startswith(torn[: len(BEGINNING)])
            self.head = self._head_before() if is_ours and not last else self._verified_head(last)
            if torn:
                size -= len(torn)
                os.ftruncate(handle, size)
                self._events.append(event("repair", torn_bytes=len(torn)))
        return size

    def _head_before(self) -> ChainHead:
        """Return the head of the rotated files."""
        rotated = rotated_files(self.path)
        if not rotated:
            return START
        with open_regular(rotated[-1]) as file:
            end = read_end(file.fileno(), os.fstat(file.fileno()).st_size)
        return self._verified_head(end.rstrip(b"\n").rpartition(b"\n")[2], rotated[-1])

    def _verified_head(self, last: bytes, where: Path | None = None) -> ChainHead:
        line = chain.genuine_line(last, self._mac)
        if line is None:
            raise ChainBroken(
                f"the last line of {where or self.path} was changed, or written with another "
                "MMHIE_AUDIT_KEY; run `mmhie audit verify`, or set a new file"
            )
        return line.head

    def _rotate(self) -> int:
        """Continue the same chain in a new file, whose first line names the old one; return the
        size of the new one."""
        aside = self.path.with_name(f"{self.path.name}.{self.head.seq:012d}")
        self.sync()
        self.path.rename(aside)
        self._events.append(event("rotation", previous=aside.name))
        sync_folder(self.path.parent)
        return 0

    def _write(self, content: bytes) -> int:
        """Write all or nothing: a full disk leaves no partial line behind."""
        with open_private(self.path) as handle:
            size, written = os.fstat(handle).st_size, 0
            try:
                while written < len(content):
                    written += os.write(handle, content[written:])
                self.owes_sync = True
                self.sync_when_due()
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, size)
                raise
        return written

    def sync_when_due(self) -> None:
        """Force lines to the disk, at most once a second; raise OSError."""
        if self.owes_sync and time.monotonic() - self._synced >= SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Force what was written to the disk; raise OSError."""
        with open_private(self.path) as handle:
            os.fdatasync(handle)
        self._synced = time.monotonic()
        self.owes_sync = False


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError when the trail cannot be continued. A disk that is full or read-only is
    another matter: MMHIE_AUDIT_ON_FAILURE decides."""
    file = AuditFile.of(settings)
    try:
        if file is not None:
            file.append(())
    except ChainBroken as problem:
        raise SettingsError(f"MMHIE_AUDIT_FILE: {problem}.") from None
    except OSError:
        return


def append_event(settings: GatewaySettings, kind: str, **facts: str) -> None:
    """Append one event from another program; raise OSError or ChainBroken."""
    file = AuditFile.of(settings)
    if file is not None:
        file.append([event(kind, **facts)])
        file.sync()


def event(kind: str, **facts: object) -> Json:
    """Return a record about the trail itself or the service, not about a request."""
    return {"time": rfc3339(time.time()), "kind": kind, "host": HOST, **facts}


def lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


@contextlib.contextmanager
def lock_beside(path: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold the lock beside a file, as that may be replaced. Raises OSError; BlockingIOError if
    another process, perhaps one that was stopped, holds it for longer than `wait_s`."""
    until = time.monotonic() + wait_s
    with open_private(lock_of(path)) as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise BlockingIOError(errno.EAGAIN, "another process holds its lock") from None
                time.sleep(LOCK_POLL_S)
        yield


@contextlib.contextmanager
def open_private(path: Path) -> Iterator[int]:
    """Open a file to append to it, for its owner alone; raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
    handle = os.open(path, flags, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
