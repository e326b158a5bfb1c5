"""The machine and the moment of a measurement, and what else ran meanwhile."""

import json
import os
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

MOST_OF_OTHERS = 0.05  # of all processors: more than that and figures are not published


def machine() -> dict[str, str | float | None]:
    """Date, processor and kernel, and how busy the machine was just before."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if "model name" in line), "unknown"
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model,
        "processors": psutil.cpu_count(),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def save(report: object, out: Path) -> None:
    """Write results as JSON; a new checkout does not have their folder yet."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")


def busy(where: Mapping[str, Any]) -> str:
    """Say that figures of this machine and moment are not for publication; empty if they are."""
    others = where.get("others", 0)
    if others <= MOST_OF_OTHERS:
        return ""
    return (
        f"Other programs took {others:.0%} of the processors: these figures are not published. "
        "Measure again when nothing else runs."
    )


class OtherPrograms:
    """The share of the processors that programs beside this one and its children took."""

    def __init__(self) -> None:
        self._start = (time.monotonic(), used_s() - own_s())

    def share(self) -> float:
        """Return it, since the start; what a child used counts as others' until it has ended."""
        start, used = self._start
        processors = psutil.cpu_count() or 1
        return (used_s() - own_s() - used) / (time.monotonic() - start) / processors


def used_s() -> float:
    """Processor seconds of all programs, those of other guests of the host included."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def own_s() -> float:
    """Processor seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])
