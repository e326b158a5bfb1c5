"""Entries of a config.json under one name each, whatever its author calls them."""

import math
import reprlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from launcher.json_types import Json, JsonView

_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
NAMES: Final[Mapping[str, Sequence[str]]] = _TABLE["names"]
CONTEXTS: Final[Sequence[str]] = _TABLE["context"]["names"]
ALONE: Final = "model_max_length"
LARGEST: Final = 2**31 - 1  # of the engine's integers


def rename(text: JsonView) -> Json:
    """Return the entries; those with another name are under the usual name, too."""
    whole = dict(text)
    for usual, others in NAMES.items():
        value = next((whole[name] for name in (usual, *others) if whole.get(name)), None)
        whole |= {usual: value} if value is not None else {}
    return whole


def context(text: JsonView, default: int) -> int:
    """Return the longest context that the engine takes."""
    lengths = {name: count(text, name) for name in CONTEXTS if text.get(name)}
    return lengths.get(ALONE) or min(lengths.values(), default=default)


def count(text: JsonView, *names: str, default: int | None = None) -> int:
    """Return the first of these entries that is set and not zero, else the default; raise KeyError
    without one, ValueError if it is no count."""
    for name in names:
        if text.get(name):
            return positive(name, text[name])
    if default is None:
        raise KeyError(names[0])
    return default


def positive(name: str, value: object) -> int:
    """Return an entry as a count; raise ValueError, which quotes its beginning."""
    if not isinstance(value, (int, float)) or not 1 <= value <= LARGEST:
        raise ValueError(f"{name} is {reprlib.repr(value)}")
    return int(value)


def finite(name: str, value: object) -> float:
    """Return an entry as a finite number; raise ValueError, which quotes its beginning."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{name} is {reprlib.repr(value)}")
