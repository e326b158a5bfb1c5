"""Where each tensor lies in a safetensors file, and whether the file is as long as it says."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from launcher.errors import ModelError

LONGEST_HEADER: Final = 100 * 1024**2


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor: its type's name, its shape, and its bytes as offset and size in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


def read(file: Path) -> dict[str, Entry]:
    """Every tensor of the file; ModelError when the file is cut or something else."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length)) if length < LONGEST_HEADER else None
        if not isinstance(header, dict):
            raise ModelError(f"{file.name} is not a safetensors file.")
        found = {
            name: _entry(entry, 8 + length)
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file.name} is not a complete safetensors file.") from error
    _check_length(file, found.values())
    return found


def _entry(entry: dict[str, Any], start: int) -> Entry:
    first, last = entry["data_offsets"]
    return Entry(entry["dtype"], tuple(entry["shape"]), start + first, last - first)


def _check_length(file: Path, entries: Iterable[Entry]) -> None:
    needed = max((entry.start + entry.size for entry in entries), default=0)
    if file.stat().st_size < needed:
        raise ModelError(f"{file.name} is cut short: fetch it again.")
