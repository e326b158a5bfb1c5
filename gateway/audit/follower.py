"""Read a trail's lines as they are written, from a position that survives a restart."""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead, Line
from gateway.audit.file import lock_trail
from gateway.audit.rotation import rotated_files
from gateway.audit.tampering import ends_with
from gateway.runtime.files import parse_json, write_json
from gateway.runtime.json_types import Json
from gateway.runtime.log import log

LARGEST_FILE = 1 << 44  # bytes, on ext4


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """The end of a line: its offset in the file, and the line's own number and MAC."""

    offset: int = 0
    head: ChainHead = START


def parse_place(stored: Json) -> FeedPlace:
    """Return a stored position; raise ValueError, KeyError or TypeError for one that no file can
    have, which would fail at each reading."""
    offset, head = stored["offset"], ChainHead(**stored["head"])
    is_valid = type(offset) is type(head.seq) is int and re.fullmatch("[0-9a-f]{64}", head.mac)
    if not is_valid or head.seq < 1 or not 0 < offset < LARGEST_FILE:
        raise ValueError("no end of a line")
    return FeedPlace(offset, head)


class TrailFollower:
    """Reads genuine lines in order, across rotations.

    The trail is the queue: only a position is stored, in a file beside it. Not thread-safe.
    """

    def __init__(self, trail: Path, key: str) -> None:
        self.file = trail.with_name(f"{trail.name}.feed")
        self.place = FeedPlace()
        self._trail = trail
        self._mac = chain.new_mac(key)

    def load(self) -> None:
        """Go to the stored position, or to the beginning."""
        try:
            self.place = parse_place(parse_json(self.file.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError):
            log.error("the place of the audit feed cannot be read; the whole trail is sent")

    def save(self) -> None:
        """Store the position. If the disk is full, a restart sends later lines again."""
        try:
            write_json(self.file, asdict(self.place), mode=0o600)
        except OSError as problem:
            log.error("the place of the audit feed cannot be kept: %s", problem.strerror)

    def read(self, most: int) -> list[tuple[Line, FeedPlace]]:
        """Return the next lines, each with the position after it; raises OSError.

        The lock excludes a rotation and a half-written batch. The lines are forced to the disk
        before they are sent, so that a power failure loses none; that is after the lock is
        released, as a slow disk would block the writers.
        """
        with contextlib.ExitStack() as opened:
            with lock_trail(self._trail):
                file, lines = self._next(most, opened)
            if file is not None:
                os.fdatasync(file.fileno())
        return lines

    def _next(
        self, most: int, opened: contextlib.ExitStack
    ) -> tuple[BinaryIO | None, list[tuple[Line, FeedPlace]]]:
        """Return the next lines and their file, still open."""
        for path, offset in self._starts():
            with contextlib.suppress(FileNotFoundError):
                file = opened.enter_context(path.open("rb"))
                if lines := list(islice(self._lines(file, offset), most)):
                    return file, lines
        return None, []

    def _starts(self) -> Iterator[tuple[Path, int]]:
        """Yield the files to read, each with an offset. All of them if the position is in none: its
        file was archived, or this is another trail."""
        rotated = rotated_files(self._trail)
        files = [*(file for file in rotated if self._may_contain(file)), self._trail]
        for number, path in enumerate(files):
            with contextlib.suppress(FileNotFoundError):
                if ends_with(path, self.place.offset, self.place.head):
                    yield path, self.place.offset
                    yield from ((later, 0) for later in files[number + 1 :])
                    return
        yield from ((path, 0) for path in (*rotated, self._trail))

    def _may_contain(self, rotated: Path) -> bool:
        """Return whether a rotated file, named after its last line, may contain the position."""
        return int(rotated.suffix[1:]) >= self.place.head.seq

    def _lines(self, file: BinaryIO, offset: int) -> Iterator[tuple[Line, FeedPlace]]:
        """Yield the genuine lines of a file that are complete."""
        file.seek(offset)
        for raw in file:
            offset += len(raw)
            line = chain.parse_line(raw.removesuffix(b"\n"), self._mac)
            if raw.endswith(b"\n") and line is not None and line.is_genuine:
                yield line, FeedPlace(offset, line.head)
