"""Read a trail's lines as they are written, from a position that survives a restart."""

import contextlib
import os
import sys
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from gateway.audit import chain
from gateway.audit.chain import ChainHead, Line
from gateway.audit.file import lock_beside, open_private
from gateway.audit.rotation import Place, files_from, read_lines, rotated_files
from gateway.runtime.files import open_regular, read_bounded, write_whole
from gateway.runtime.log import log

PLACE_BYTES = 4096  # more than a stored position has
UNKNOWN = sys.maxsize


PlacedLine = tuple[Line, Place]  # a line, and the position after it


class TrailFollower:
    """Reads genuine lines in order, across rotations.

    The trail is the queue. Beside it are a position, signed with the trail's key, and copies of the
    lines that were set aside. Lines up to number `tried` may have been sent before. Not
    thread-safe.
    """

    def __init__(self, trail: Path, key: str) -> None:
        self.trail = trail
        self.key = key
        self.file = trail.with_name(f"{trail.name}.feed")
        self.aside = trail.with_name(f"{trail.name}.aside")
        self.place = Place()
        self.tried = UNKNOWN
        self._mac = chain.new_mac(key)
        self._place_mac = chain.new_mac(key, purpose=self.file.name)

    def load(self) -> bool:
        """Go to the stored position, or to the beginning; return False if it is not genuine."""
        try:
            stored = read_bounded(self.file, PLACE_BYTES)
        except FileNotFoundError:
            return True
        except OSError as problem:
            log.error("the place of the audit feed cannot be read: %s", problem.strerror)
            return True
        line = chain.genuine_line(stored, self._place_mac)
        if line is None:
            return False
        self.place = Place(line.record["offset"], ChainHead(line.head.seq - 1, line.prev))
        return True

    def save(self) -> None:
        """Store the position, as what follows its line in a chain. If the disk is full, a restart
        sends later lines again."""
        mark = {"offset": self.place.offset}
        line, _ = chain.signed_line(mark, self.place.head, self._place_mac)
        try:
            write_whole(self.file, line, mode=0o600)
        except OSError as problem:
            log.error("the place of the audit feed cannot be kept: %s", problem.strerror)

    def read(self, most: int) -> list[PlacedLine]:
        """Return the next lines, each with the position after it; raises OSError.

        The lock excludes a rotation and a half-written batch. The lines are forced to the disk
        before they are sent, so that a power failure loses none; that is after the lock is
        released, as a slow disk would block the writers.
        """
        with contextlib.ExitStack() as opened:
            lines, file = list[PlacedLine](), None
            with lock_beside(self.trail):
                for path, offset in self._starts():
                    with contextlib.suppress(FileNotFoundError):
                        file = opened.enter_context(open_regular(path))
                        lines = list(islice(self._lines(file, offset), most))
                    if lines:
                        break
            if lines and file is not None:
                os.fdatasync(file.fileno())
        if not lines:
            self.tried = self.place.head.seq
        return lines

    def _starts(self) -> Iterator[tuple[Path, int]]:
        """Yield the files to read, each with an offset. All of them if the position is in none: its
        file was archived, or this is another trail."""
        offset = self.place.offset
        files = files_from(self.trail, self.place)
        for path in files or (*rotated_files(self.trail), self.trail):
            yield path, offset if files else 0
            offset = 0

    def _lines(self, file: BinaryIO, offset: int) -> Iterator[PlacedLine]:
        """Yield the genuine lines of a file that are complete."""
        file.seek(offset)
        for raw in read_lines(file):
            if raw.endswith(b"\n") and (line := chain.genuine_line(raw, self._mac)):
                yield line, Place(file.tell(), line.head)

    def set_aside(self, line: Line) -> None:
        """Copy a line to those that were set aside; raises OSError."""
        with lock_beside(self.trail), open_private(self.aside) as handle:
            os.write(handle, line.raw + b"\n")

    def lines_aside(self) -> list[Line]:
        """Return the genuine lines that were set aside, each once; raises OSError."""
        try:
            with open_regular(self.aside) as file:
                rows = dict.fromkeys(raw.removesuffix(b"\n") for raw in read_lines(file))
        except FileNotFoundError:
            return []
        return [line for row in rows if (line := chain.genuine_line(row, self._mac))]

    def remove_aside(self, sent: Collection[bytes]) -> None:
        """Remove lines that were sent; the feed may have added others meanwhile. Raises OSError."""
        with lock_beside(self.trail):
            rest = [line.raw + b"\n" for line in self.lines_aside() if line.raw not in sent]
            if rest:
                write_whole(self.aside, b"".join(rest), mode=0o600)
            else:
                self.aside.unlink(missing_ok=True)
