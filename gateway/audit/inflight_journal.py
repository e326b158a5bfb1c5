"""A journal of the requests in flight that survives a SIGKILL, to account for them afterwards."""

import contextlib
import fcntl
import mmap
import os
import secrets
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import orjson

from gateway.record import NO_SLOT
from gateway.runtime.json_types import Json

SLOTS = 4096
SLOT_BYTES = 2048  # the longest request id and names, in any script, every notice and purpose
LENGTH = struct.Struct("<H")


class InflightJournal:
    """A mapped file of slots beside the trail: writing to it is writing to memory, and the kernel
    keeps it when the process dies. An orderly end removes it.

    A lock on the file says that its process lives. Raises OSError when the disk has no room.
    """

    def __init__(self, trail: Path) -> None:
        # In a container numbers of processes repeat: whoever removes the journal of a dead one must
        # not find that of a living one under its name, nor one that is not locked yet.
        name = f"open-{os.getpid()}-{secrets.token_hex(4)}"
        self.path = trail.with_name(f"{trail.name}.{name}")
        unlocked = trail.with_name(f"{trail.name}.un{name}")
        self._handle = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unlocked.rename(self.path)
            # Reserved, not sparse: a page that finds no room on the disk would kill the process.
            os.posix_fallocate(self._handle, 0, SLOTS * SLOT_BYTES)
            self._map = mmap.mmap(self._handle, SLOTS * SLOT_BYTES)
        except OSError:
            for path in (unlocked, self.path):
                path.unlink(missing_ok=True)
            os.close(self._handle)
            raise
        self._free = deque(range(SLOTS))

    def enter(self, record: Json) -> int:
        """Enter a request; return its slot, or NO_SLOT when there is none for it."""
        content = orjson.dumps(record)
        if len(content) > SLOT_BYTES - LENGTH.size or not self._free:
            return NO_SLOT
        slot = self._free.popleft()
        at = slot * SLOT_BYTES
        start = at + LENGTH.size
        self._map[start : start + len(content)] = content
        LENGTH.pack_into(
            self._map, at, len(content)
        )  # last: a kill in between leaves an empty slot
        return slot

    def leave(self, slot: int) -> None:
        """Free the slot of a request whose line is written."""
        if slot != NO_SLOT:
            LENGTH.pack_into(self._map, slot * SLOT_BYTES, 0)
            self._free.append(slot)

    def close(self) -> None:
        """Remove the journal: no request is in flight any more."""
        self.path.unlink(missing_ok=True)
        self._map.close()
        os.close(self._handle)


def left_behind(trail: Path) -> Iterator[tuple[Path, list[Json]]]:
    """Yield the journals of dead processes with their requests; whoever has recorded them removes
    the file."""
    for path in sorted(trail.parent.glob(f"{trail.name}.open-*")):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: it lives
            yield path, list(records(file.read()))


def records(content: bytes) -> Iterator[Json]:
    """Yield the requests in the slots; one that was being written is skipped."""
    for at in range(0, len(content) - SLOT_BYTES + 1, SLOT_BYTES):
        (size,) = LENGTH.unpack_from(content, at)
        with contextlib.suppress(orjson.JSONDecodeError):
            if size:
                start = at + LENGTH.size
                yield dict(orjson.loads(content[start : start + size]))
