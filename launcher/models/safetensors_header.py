"""Tensors of a safetensors file: the place of each, and that the file is as long as it says.

The safetensors library comes with the engine only, and the launcher runs without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from launcher.errors import ModelError
from launcher.json_types import Json, parse_foreign

LONGEST_HEADER: Final = 100 * 1024**2
CHUNK_BYTES: Final = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: the name of its type, its shape, and the place of its bytes in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they are, a few MiB at a time."""
        with self.file.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left:
                chunk = file.read(min(CHUNK_BYTES, left))
                if not chunk:
                    raise ModelError(f"{self.file.name} is cut short: fetch it again.")
                left -= len(chunk)
                yield chunk


def read(file: Path) -> dict[str, Tensor]:
    """Every tensor of the file; ModelError when the file is cut or something else."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = parse_foreign(stream.read(length)) if length < LONGEST_HEADER else None
        if not isinstance(header, dict):
            raise ModelError(f"{file.name} is not a safetensors file: fetch it again.")
        header.pop("__metadata__", None)
        tensors = {name: _tensor(file, name, entry, 8 + length) for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{file.name} is not a complete safetensors file: fetch it again."
        ) from error
    needed = max((tensor.start + tensor.size for tensor in tensors.values()), default=0)
    if file.stat().st_size < needed:
        raise ModelError(f"{file.name} is cut short: fetch it again.")
    return tensors


def _tensor(file: Path, name: str, entry: Json, start: int) -> Tensor:
    first, last = entry["data_offsets"]
    if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last:
        raise ValueError(f"{name} has no place")
    return Tensor(name, entry["dtype"], tuple(entry["shape"]), file, start + first, last - first)
