"""CPU time of this machine, and how much of it other programs took."""

import time
from dataclasses import dataclass
from typing import Self

import psutil


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds at a moment: on the clock, busy on all cores, and busy with ours.

    Ours are this process and its descendants, those that have ended too.
    """

    clock: float
    busy: float
    ours: float

    @classmethod
    def now(cls) -> Self:
        """Read the three."""
        me = psutil.Process()
        return cls(time.monotonic(), busy(), sum(map(taken, (me, *me.children(recursive=True)))))

    def others_since(self, before: Self) -> float:
        """Return how many cores other programs kept busy since then."""
        others = (self.busy - before.busy) - (self.ours - before.ours)
        return round(max(0.0, others) / (self.clock - before.clock), 2)


def busy() -> float:
    """Return the seconds that all cores together have worked, for whomever."""
    times = psutil.cpu_times()
    worked = (times.user, times.nice, times.system, times.irq, times.softirq, times.steal)
    return float(sum(worked))


def taken(process: psutil.Process) -> float:
    """Return the seconds of a process and of those that it has waited for; 0 when it has ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
