"""Entries of a config.json under one name each, and its numbers, as any maker may write them."""

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
LARGEST: Final = 2**31 - 1  # nothing of a model is counted in more than the engine's own integers


def rename(text: JsonView) -> Json:
    """The entries, with those that have another name under the usual one, too."""
    whole = dict(text)
    for usual, others in NAMES.items():
        value = next((whole[name] for name in (usual, *others) if whole.get(name)), None)
        whole |= {usual: value} if value is not None else {}
    return whole


def context(text: JsonView) -> int:
    """The longest context that the engine takes; KeyError where no entry says one."""
    said = {name: first(text, name) for name in CONTEXTS if text.get(name) is not None}
    if not said:
        raise KeyError(CONTEXTS[0])
    return said.get(ALONE) or min(said.values())


def first(text: JsonView, *names: str) -> int:
    """The first of these entries that is there; KeyError where none is, ValueError for no count."""
    for name in names:
        if text.get(name) is not None:
            return positive(name, text[name])
    raise KeyError(names[0])


def optional(text: JsonView, *names: str) -> int:
    """The first of these entries that says anything, or 0; ValueError where that is no count."""
    return next((positive(name, text[name]) for name in names if text.get(name)), 0)


def positive(name: str, value: object) -> int:
    """The entry as a count; ValueError shows a few letters of what else it is."""
    if not isinstance(value, (int, float)) or not 1 <= value <= LARGEST:
        raise ValueError(f"{name} is {reprlib.repr(value)}")
    return int(value)


def finite(name: str, value: object) -> float:
    """The entry as a number that can be reckoned with; ValueError for any other."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{name} is {reprlib.repr(value)}")
