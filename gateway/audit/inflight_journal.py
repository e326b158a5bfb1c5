"""A journal of the requests in flight that survives a SIGKILL, to account for them afterwards."""

import contextlib
import fcntl
import mmap
import os
import secrets
import struct
import time
from collections import deque
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import NamedTuple

from gateway.audit import chain
from gateway.audit.chain import START
from gateway.audit.file import HOST
from gateway.audit.rotation import tail_records
from gateway.record import NO_SLOT
from gateway.runtime.json_types import Json

SLOTS = 4096
SLOT_BYTES = 4096  # the longest request id and names, in any script, every notice and purpose
LENGTH = struct.Struct("<H")


class InflightJournal:
    """A mapped file of slots beside the trail: writing to it is writing to memory, and the kernel
    keeps it when the process dies. An orderly end removes it.

    A lock on the file says that its process lives; its name, which each slot is signed for, is
    never used again. Raises OSError when the disk has no room.
    """

    def __init__(self, trail: Path, key: str) -> None:
        # No process id: these repeat in containers.
        process = f"{HOST}-{time.time_ns()}-{secrets.token_hex(4)}"
        self.path = trail.with_name(f"{trail.name}.open-{process}")
        self._mac = chain.new_mac(key, purpose=self.path.name)
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX)  # nobody adopts it while it is empty
            # Reserved, not sparse: a page that finds no room on the disk would kill the process.
            os.posix_fallocate(self._handle, 0, SLOTS * SLOT_BYTES)
            self._map = mmap.mmap(self._handle, SLOTS * SLOT_BYTES)
        except OSError:
            self.path.unlink(missing_ok=True)
            os.close(self._handle)
            raise
        self._free = deque(range(SLOTS))

    def enter(self, record: Json) -> int:
        """Enter a request; return its slot, or NO_SLOT when there is none for it."""
        content, _ = chain.signed_line(record, START, self._mac)
        if len(content) > SLOT_BYTES - LENGTH.size or not self._free:
            return NO_SLOT
        slot = self._free.popleft()
        at = slot * SLOT_BYTES
        start = at + LENGTH.size
        self._map[start : start + len(content)] = content
        # The length comes last: a kill in between leaves an empty slot.
        LENGTH.pack_into(self._map, at, len(content))
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


class DeadJournal(NamedTuple):
    """The journal of a process that died; `forged` slots were not signed with the trail's key."""

    path: Path
    requests: list[Json]
    forged: int

    def remove(self) -> None:
        """Remove it; one with forged slots is evidence, and stays under another name."""
        if self.forged:
            self.path.rename(self.path.with_name(self.path.name.replace(".open-", ".forged-")))
        else:
            self.path.unlink(missing_ok=True)

    def without_lines(self, ours: Path, key: str) -> list[Json]:
        """Return its requests without those whose line was written, to its own trail or ours: the
        kill came between line and journal."""
        trails = {ours, self.path.with_name(self.path.name.rpartition(".open-")[0])}
        mac = chain.new_mac(key)
        written = {line.get("request_id") for trail in trails for line in tail_records(trail, mac)}
        return [request for request in self.requests if request["request_id"] not in written]


def dead_journals(trail: Path, key: str) -> Iterator[DeadJournal]:
    """Yield the journals in the trail's folder whose process died, each locked until the next: of
    several gateways one writes its lines, and removes it."""
    paths = trail.parent.glob(f"*{escape(trail.suffix)}.open-*")
    # A pipe would block.
    for path in sorted(path for path in paths if path.is_file() and path.name.isprintable()):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: it lives
            content = file.read(SLOTS * SLOT_BYTES)
            if content and os.fstat(file.fileno()).st_nlink:  # neither new nor just removed
                yield read_slots(path, content, key)


def read_slots(path: Path, content: bytes, key: str) -> DeadJournal:
    mac, requests, forged = chain.new_mac(key, purpose=path.name), list[Json](), 0
    for at in range(0, len(content) - SLOT_BYTES + 1, SLOT_BYTES):
        (size,) = LENGTH.unpack_from(content, at)
        start = at + LENGTH.size
        if line := chain.genuine_line(content[start : start + size], mac):
            requests.append(line.content)
        elif size:
            forged += 1
    return DeadJournal(path, requests, forged)
