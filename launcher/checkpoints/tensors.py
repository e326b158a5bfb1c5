"""safetensors files written piece by piece, so that no shard is ever in memory whole.

The safetensors library writes a file from tensors that are all in memory; a shard has up to 5 GB.
"""

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
from launcher.json_types import Json
from launcher.models.safetensors_header import Tensor

FLOATS: Final[dict[str, np.dtype[Any]]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}

Float = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TensorSource:
    """A tensor to write; `chunks` makes its bytes when their turn comes."""

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


def raw(tensor: Tensor) -> Bytes:
    """The bytes in the tensor's shape; for formats of one byte a value."""
    return np.frombuffer(b"".join(tensor.chunks()), np.uint8).reshape(tensor.shape)


def floats(tensor: Tensor) -> Float:
    """The values as float32; ModelError when they are no plain floats."""
    if tensor.dtype not in FLOATS:
        raise ModelError(
            f"{tensor.name} is {tensor.dtype}, which cannot be merged; set "
            "MMHIE_MERGE_ADAPTER=false to serve the adapter unmerged, on a GPU."
        )
    values = np.frombuffer(b"".join(tensor.chunks()), FLOATS[tensor.dtype]).reshape(tensor.shape)
    return widen(values) if tensor.dtype == "BF16" else values.astype(np.float32)


def write(
    file: Path, sources: Iterable[TensorSource | Tensor], advance: Callable[[int], object]
) -> str:
    """Write a safetensors file and return its sha256; `advance` gets each chunk's size."""
    ordered = list(sources)
    digest = hashlib.sha256()
    with file.open("wb") as stream:
        for chunk in _stream(ordered):
            stream.write(chunk)
            digest.update(chunk)
            advance(len(chunk))
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()


def _stream(sources: list[TensorSource | Tensor]) -> Iterator[bytes]:
    header: Json = {"__metadata__": {"format": "pt"}}
    end = 0
    for source in sources:
        header[source.name] = {
            "dtype": source.dtype,
            "shape": list(source.shape),
            "data_offsets": [end, end + source.size],
        }
        end += source.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for source in sources:
        yield from source.chunks()
