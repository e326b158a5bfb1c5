"""Progress of a fetch or a merge in bytes, and the lines in which a process of its own tells it."""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from launcher.models.hub_client import HubFile

LINE_EVERY_S: Final = 1.0  # of a process whose lines another reads
WAITING: Final = "Waiting for another process that fetches"
LINE: Final = re.compile(r"(?P<task>.+): +(?P<percent>\d+)%\| (?P<amount>.+)")


class Progress(NamedTuple):
    """The bytes of a task that are there, and those of the whole; 0 of 0 when it only waits."""

    task: str
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        if not self.total:
            return self.task
        unit, name = (2**30, "GiB") if self.total >= 2**30 else (2**20, "MiB")
        amount = f"{self.done / unit:.2f} of {self.total / unit:.2f} {name}"
        return f"{self.task}: {self.done * 100 // self.total:3d}%| {amount}"


Report = Callable[[Progress], object]


def counter(task: str, files: Iterable[HubFile], report: Report) -> Callable[[int], object]:
    """Return what counts the bytes of these files and reports them; threads may call it."""
    total, done, lock = sum(file.size for file in files), 0, threading.Lock()

    def advance(size: int) -> None:
        nonlocal done
        with lock:
            done += size
            report(Progress(task, done, total))

    return advance


class Lines:
    """Writes progress as lines: each task once, and how far it is, seldom enough for a log."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._task = ""
        self._at = 0.0

    def __call__(self, progress: Progress) -> None:
        now, is_last = time.monotonic(), progress.total and progress.done == progress.total
        if progress.task == self._task and now - self._at < self._every_s and not is_last:
            return
        self._task, self._at = progress.task, now
        sys.stderr.write(f"{progress}\n")
        sys.stderr.flush()
