"""safetensors files read and written piece by piece, so that no shard is ever in memory whole."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from launcher.errors import ModelError
from launcher.models import safetensors_header

CHUNK_BYTES: Final = 16 * 1024**2
FLOATS: Final[dict[str, np.dtype[Any]]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}

Float = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies in its file."""

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
                    raise ModelError(f"{self.file.name} is cut short.")
                left -= len(chunk)
                yield chunk

    def raw(self) -> Bytes:
        """The bytes in the tensor's shape; for formats of one byte a value."""
        return np.frombuffer(b"".join(self.chunks()), np.uint8).reshape(self.shape)

    def floats(self) -> Float:
        """The values as float32; ModelError when they are no plain floats."""
        if self.dtype not in FLOATS:
            raise ModelError(f"{self.name} is {self.dtype}, not a plain float tensor.")
        values = np.frombuffer(b"".join(self.chunks()), FLOATS[self.dtype]).reshape(self.shape)
        return widen(values) if self.dtype == "BF16" else values.astype(np.float32)


@dataclass(frozen=True, slots=True)
class TensorSource:
    """A tensor to be written, and where its bytes come from when their turn comes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int
    chunks: Callable[[], Iterable[bytes]]


def widen(values: npt.NDArray[np.uint16]) -> Float:
    """bfloat16 bits as float32: the upper half of the number."""
    return (values.astype(np.uint32) << 16).view(np.float32)


def narrow(values: Float) -> npt.NDArray[np.uint16]:
    """float32 as bfloat16 bits, rounded to the nearest, ties to even."""
    bits = values.view(np.uint32)
    rounded = bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)
    return (rounded >> 16).astype(np.uint16)


def pack(values: Float, dtype: str) -> bytes:
    """float32 values as the bytes of this dtype."""
    values = np.ascontiguousarray(values)
    return (narrow(values) if dtype == "BF16" else values.astype(FLOATS[dtype])).tobytes()


def read_header(file: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file; ModelError when the file is cut or something else."""
    return {
        name: Tensor(name, entry.dtype, entry.shape, file, entry.start, entry.size)
        for name, entry in safetensors_header.read(file).items()
    }


def write(file: Path, pieces: Iterable[TensorSource], advance: Callable[[int], None]) -> str:
    """Write a safetensors file and return its sha256; `advance` hears of every chunk's bytes."""
    ordered = list(pieces)
    digest = hashlib.sha256()
    with file.open("wb") as stream:
        for chunk in _stream(ordered):
            stream.write(chunk)
            digest.update(chunk)
            advance(len(chunk))
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()


def _stream(pieces: list[TensorSource]) -> Iterator[bytes]:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for piece in pieces:
        header[piece.name] = {
            "dtype": piece.dtype,
            "shape": list(piece.shape),
            "data_offsets": [end, end + piece.size],
        }
        end += piece.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for piece in pieces:
        yield from piece.chunks()


def as_it_is(tensor: Tensor) -> TensorSource:
    """The same bytes under the same name."""
    return TensorSource(tensor.name, tensor.dtype, tensor.shape, tensor.size, tensor.chunks)
