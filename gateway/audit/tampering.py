"""Signs that a trail, which only ever grows, was changed behind its writer's back."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead
from gateway.audit.rotation import rotated_files


@dataclass(frozen=True, slots=True)
class Mark:
    """State of the trail when this process last had it: its file, its size in bytes, its head."""

    device: int
    inode: int
    size: int
    head: ChainHead


def tampering(path: Path, mark: Mark) -> str | None:
    """Return what became of a trail that only ever grows, in one word; None where it only grew.

    A file that was renamed by a rotation is followed by its number. Raises OSError.
    """
    try:
        there = path.stat()
    except FileNotFoundError:
        return None if was_rotated(path, mark) else "vanished"
    if (there.st_dev, there.st_ino) != (mark.device, mark.inode):
        return None if was_rotated(path, mark) else "replaced"
    if there.st_size < mark.size:
        return "shrunk"
    return None if ends_with(path, mark.size, mark.head) else "rewritten"


def was_rotated(path: Path, mark: Mark) -> bool:
    """Return whether the file is still there under a number, or its successor says so: a rotated
    file may be archived at once."""
    for rotated in rotated_files(path):
        with contextlib.suppress(FileNotFoundError):
            there = rotated.stat()
            if (there.st_dev, there.st_ino) == (mark.device, mark.inode):
                return ends_with(rotated, mark.size, mark.head)
    with contextlib.suppress(FileNotFoundError, orjson.JSONDecodeError), path.open("rb") as file:
        first = orjson.loads(file.readline())
        return bool(first["kind"] == "rotation" and first["seq"] > mark.head.seq)
    return False


def ends_with(path: Path, size: int, head: ChainHead) -> bool:
    """Return whether the trail is, up to a size, what it was: its head's MAC stands there."""
    if head == START:
        return True
    end = chain.end_of_line(head)
    with path.open("rb") as file:
        file.seek(max(0, size - len(end)))
        return file.read(len(end)) == end
