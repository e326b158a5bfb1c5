"""Progress of a download or a merge in bytes, and its lines, which another process can read."""

import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

LINE_EVERY_S: Final = 1.0
WAITING: Final = "Waiting for another process that fetches"
LINE: Final = re.compile(r"(?P<task>.+): +(?P<percent>\d+)%\| (?P<amount>.+)")


class Progress(NamedTuple):
    """A task with its bytes so far, and in all; 0 of 0 while it waits."""

    task: str
    done: int = 0
    total: int = 0

    @property
    def fraction(self) -> float | None:
        """The part that is done, if it is known."""
        return self.done / self.total if self.total else None

    @property
    def amount(self) -> str:
        """The bytes so far, and in all."""
        unit, name = (2**30, "GiB") if self.total >= 2**30 else (2**20, "MiB")
        return f"{self.done / unit:.2f} of {self.total / unit:.2f} {name}"

    @property
    def sentence(self) -> str:
        """The task, with its bytes if they are known."""
        return f"{self.task}: {self.amount}" if self.total else self.task

    @property
    def line(self) -> str:
        """The form that `LINE` reads."""
        if not self.total:
            return self.task
        return f"{self.task}: {self.done * 100 // self.total:3d}%| {self.amount}"


Report = Callable[[Progress], object]


def make_counter(task: str, total: int, report: Report) -> Callable[[int], object]:
    """Return a function that adds to the bytes of a task and reports them; it is thread-safe."""
    done, lock = 0, threading.Lock()

    def advance(size: int) -> None:
        nonlocal done
        with lock:
            done += size
            report(Progress(task, done, total))

    return advance


class Lines:
    """Writes progress to standard error as lines: the first and last of a task, and few between."""

    def __init__(self) -> None:
        self._task = ""
        self._at = 0.0

    def __call__(self, progress: Progress) -> None:
        now, is_last = time.monotonic(), progress.total and progress.done == progress.total
        if progress.task == self._task and now - self._at < LINE_EVERY_S and not is_last:
            return
        self._task, self._at = progress.task, now
        sys.stderr.write(f"{progress.line}\n")
        sys.stderr.flush()
