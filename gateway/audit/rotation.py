"""The files of a trail, the rotated ones among them, and places in them."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from glob import escape
from hmac import HMAC
from pathlib import Path
from typing import BinaryIO

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead
from gateway.runtime.files import open_regular
from gateway.runtime.json_types import Json

TAIL_BYTES = 256 * 1024
LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """The end of a line: its offset in the file, and the line's own number and MAC."""

    offset: int = 0
    head: ChainHead = START

    def is_in(self, path: Path) -> bool:
        """Return whether the line stands there; raises OSError."""
        if self.head == START:
            return True
        end = chain.end_of_line(self.head)
        with open_regular(path) as file:
            file.seek(max(0, self.offset - len(end)))
            return file.read(len(end)) == end


def files_from(trail: Path, place: Place) -> list[Path]:
    """Return the file in which a place is, and those after it; none if it is in none."""
    rotated = [file for file in rotated_files(trail) if int(file.suffix[1:]) >= place.head.seq]
    files = [*rotated, trail]
    for number, path in enumerate(files):
        with contextlib.suppress(FileNotFoundError):
            if place.is_in(path):
                return files[number:]
    return []


def rotated_files(path: Path) -> list[Path]:
    """Return the earlier files of a trail, oldest first; a pipe would block its reader."""
    files = path.parent.glob(f"{escape(path.name)}.*")
    rotated = (file for file in files if file.suffix[1:].isdecimal() and file.is_file())
    return sorted(rotated, key=lambda file: int(file.suffix[1:]))


def open_newest(trail: Path) -> BinaryIO:
    """Open the current file of a trail, or the last one if a rotation was interrupted; raises
    OSError."""
    try:
        return open_regular(trail)
    except FileNotFoundError:
        rotated = rotated_files(trail)
        if not rotated:
            raise
        return open_regular(rotated[-1])


def read_files(trail: Path, newest: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the files of a trail up to an open one, each at its beginning: a rotation meanwhile
    hides no line. Raises OSError."""
    for path in rotated_files(trail):
        if os.path.samestat(path.stat(), os.fstat(newest.fileno())):
            break
        with open_regular(path) as file:
            yield file
    newest.seek(0)
    yield newest


def trails_in(trail: Path, mac: HMAC | None = None) -> list[Path]:
    """Return the trails in a trail's folder, if given of this key: each pod writes one of its own.
    A trail has its lock beside it, unlike a copy."""
    locks = sorted(trail.parent.glob(f"*{escape(trail.suffix)}.lock"))
    others = [path for lock in locks if (path := lock.with_suffix("")) != trail]
    others = [path for path in others if path.name.isprintable() and not path.is_fifo()]
    others = [path for path in others if mac is None or has_key(path, mac)]
    is_there = trail.exists() or rotated_files(trail) or not others
    return [*([trail] if is_there else []), *others]


def has_key(trail: Path, mac: HMAC) -> bool:
    """Return whether one of the files of a trail ends with lines of this key."""
    return any(any(tail_records(file, mac)) for file in (*rotated_files(trail), trail))


def tail_records(path: Path, mac: HMAC) -> Iterator[Json]:
    """Yield the genuine records in the last part of a file; none when there is no file."""
    if not path.is_file():  # a pipe would block
        return
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        for raw in file:
            if line := chain.genuine_line(raw, mac):  # the first and last may be torn
                yield line.record


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file from where it stands; of one that is longer than `LONGEST_LINE`
    the beginning."""
    while line := file.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)


def read_end(handle: int, size: int) -> bytes:
    """Return the end of a file: its last whole line, and what follows it."""
    start = max(0, size - LONGEST_LINE)
    return os.pread(handle, size - start, start)
