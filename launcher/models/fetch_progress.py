"""Progress as a sentence and the part that is done, here or in another process' lines."""

import re
import sys
import threading
from collections.abc import Callable
from typing import Final

WAITING: Final = "Waiting for another process that fetches"
LINE: Final = re.compile(r"(?P<sentence>.+): +(?P<percent>\d+)%\|.*")  # of tqdm's bars, too

# A sentence, and the part that is done if it is known.
Step = Callable[[str, float | None], object]


def make_counter(task: str, total: int, step: Step) -> Callable[[int], object]:
    """Return a thread-safe function that adds to the bytes of a task, and reports each percent."""
    done, percent, lock = 0, -1, threading.Lock()
    unit, name = (2**30, "GiB") if total >= 2**30 else (2**20, "MiB")

    def advance(size: int) -> None:
        nonlocal done, percent
        with lock:
            done = min(done + size, total)
            before, percent = percent, done * 100 // max(total, 1)
            if percent != before:
                amount = f"{done / unit:.2f} of {total / unit:.2f} {name}"
                step(f"{task}: {amount}", percent / 100)

    return advance


def write_line(sentence: str, part: float | None) -> None:
    """Write a step to standard error in the form that `LINE` reads."""
    sys.stderr.write(f"{sentence}\n" if part is None else f"{sentence}: {part:4.0%}|\n")
    sys.stderr.flush()
