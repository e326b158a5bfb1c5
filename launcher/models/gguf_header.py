"""The metadata at the start of a GGUF file, without its tensors (GGUF specification v2, v3).

The gguf library comes with the engine only, and the launcher runs without it.
"""

import struct
from pathlib import Path
from typing import Any, BinaryIO, Final

from launcher.errors import ModelError
from launcher.json_types import Json

MAGIC: Final = b"GGUF"
STRING, ARRAY = 8, 9
FORMATS: Final = {**dict(enumerate("BbHhIif?")), 10: "Q", 11: "q", 12: "d"}
LONGEST_ARRAY_KEPT: Final = 64
LONGEST_STRING: Final = 64 * 1024**2  # a chat template has some kB


def read(path: Path) -> Json:
    """Every key and value of the header, long arrays as their length; ModelError when cut."""
    try:
        with path.open("rb") as file:
            return _header(file, path)
    except (OSError, struct.error, KeyError, OverflowError, ValueError) as error:
        raise ModelError(f"{path.name} is not a complete GGUF file: fetch it again.") from error


def _header(file: BinaryIO, path: Path) -> Json:
    if file.read(4) != MAGIC:
        raise ModelError(f"{path.name} is not a GGUF file: fetch it again.")
    version, _tensors, entries = _unpack(file, "IQQ")
    if version not in (2, 3):
        raise ModelError(f"{path.name} is GGUF version {version}; versions 2 and 3 can be read.")
    return dict(_entry(file) for _ in range(entries))


def _entry(file: BinaryIO) -> tuple[str, Any]:
    key = _string(file)
    (kind,) = _unpack(file, "I")
    return key, _value(file, kind)


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _string(file)
    if kind == ARRAY:
        return _array(file)
    return _unpack(file, FORMATS[kind])[0]


def _array(file: BinaryIO) -> Any:
    kind, length = _unpack(file, "IQ")
    if kind == ARRAY:
        raise ValueError("an array of arrays, which no model has")
    if length <= LONGEST_ARRAY_KEPT:
        return [_value(file, kind) for _ in range(length)]
    for _ in range(length if kind == STRING else 0):
        _string(file)
    if kind != STRING:
        file.seek(length * struct.calcsize(FORMATS[kind]), 1)
    return length


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "Q")
    if length > LONGEST_STRING:
        raise ValueError(f"a string of {length} bytes")
    return file.read(length).decode()


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    form = f"<{form}"
    return struct.unpack(form, file.read(struct.calcsize(form)))
