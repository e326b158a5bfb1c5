"""Work counted in lines of Python, which no other program on the machine changes."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines_run(work: Callable[[], object]) -> int:
    """Return how many lines of Python it takes."""
    lines = 0

    def count(frame: FrameType, kind: str, _: object) -> Any:
        nonlocal lines
        lines += kind == "line"
        return count

    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(None)
    return lines
