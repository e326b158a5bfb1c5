"""The files of a trail, the rotated ones among them, and what stands at their ends."""

import contextlib
import os
from collections.abc import Iterator
from hmac import HMAC
from pathlib import Path

from gateway.audit import chain
from gateway.runtime.json_types import Json

TAIL_BYTES = 256 * 1024
END_BYTES = 8 * 1024  # nearly always more than the last line


def rotated_files(path: Path) -> list[Path]:
    """Return the earlier files of a trail, oldest first."""
    rotated = (file for file in path.parent.glob(f"{path.name}.*") if file.suffix[1:].isdecimal())
    return sorted(rotated, key=lambda file: int(file.suffix[1:]))


def trails_in(trail: Path, mac: HMAC | None = None) -> list[Path]:
    """Return the trails in a trail's folder, if given of this key: each pod writes one of its own.
    A trail has its lock beside it, unlike a copy."""
    locks = sorted(trail.parent.glob(f"*{trail.suffix}.lock"))
    others = [path for lock in locks if (path := lock.with_suffix("")) != trail]
    others = [path for path in others if mac is None or has_key(path, mac)]
    is_there = trail.exists() or rotated_files(trail) or not others
    return [*([trail] if is_there else []), *others]


def has_key(trail: Path, mac: HMAC) -> bool:
    """Return whether a trail begins or ends with a line of this key."""
    with contextlib.suppress(OSError):
        files = [file for file in (*rotated_files(trail), trail) if file.is_file()]
        ends = [first_line(files[0]), last_line(files[-1])] if files else []
        return any(is_genuine(line, mac) for line in ends)
    return False


def is_genuine(raw: bytes, mac: HMAC) -> bool:
    line = chain.parse_line(raw, mac)
    return line is not None and line.is_genuine


def first_line(path: Path) -> bytes:
    """Return the first line, without its newline; a part of one that is no line of a trail."""
    with path.open("rb") as file:
        return file.readline(TAIL_BYTES).removesuffix(b"\n")


def tail_records(path: Path, mac: HMAC) -> Iterator[Json]:
    """Yield the genuine records in the last part of a trail; none when there is no trail."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        for raw in file:
            line = chain.parse_line(raw.removesuffix(b"\n"), mac)
            if line is not None and line.is_genuine:  # the first and last may be torn
                yield line.record


def last_line(path: Path) -> bytes:
    """Return the last line of a rotated file, without its newline."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        tail = read_end(handle, os.fstat(handle).st_size)[1]
    finally:
        os.close(handle)
    return tail.rstrip(b"\n").rpartition(b"\n")[2]


def read_end(handle: int, size: int) -> tuple[int, bytes]:
    """Return the start and content of a file's end, which holds its last line, however long."""
    length = END_BYTES
    while True:
        start = max(0, size - length)
        tail = os.pread(handle, size - start, start)
        if start == 0 or tail.count(b"\n") > 1:
            return start, tail
        length *= 4
