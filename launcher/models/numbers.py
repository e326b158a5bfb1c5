"""Numbers in a model's description, which its maker may have written as anything."""

import math
import reprlib
from typing import Final

from launcher.json_types import JsonView

LARGEST: Final = 2**31 - 1  # nothing of a model is counted in more than the engine's own integers


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
