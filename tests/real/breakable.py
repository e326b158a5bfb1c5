"""A service of which much can be broken: its clock is set and its disk filled from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from requirements import programs
from tests.faults.disk import Disk, mounted
from tests.gateway.audit.conftest import trail_settings
from tests.models import completer
from tests.real.serving import Served, serving

LIBRARY = programs.find("faketime") or ""
STALL_S = 60.0  # on a busy machine a first token took 17
TIMEOUT_S = 240  # the stall is found long before


class WallClock:
    """The time of day as the processes take it; how long things last is left alone, as it is on a
    machine whose clock is set."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.jump(0)

    @property
    def environ(self) -> dict[str, str]:
        """Variables that a process is started with."""
        return {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
        }

    def jump(self, seconds: int) -> None:
        """Set it so far from the true time."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}\n")
        beside.replace(self.file)


@dataclass(frozen=True)
class Breakable:
    """The service, its clock, its disk where one can be mounted, and its audit trail."""

    served: Served
    clock: WallClock
    disk: Disk | None
    trail: Path


@contextmanager
def breaking(folder: Path) -> Iterator[Breakable]:
    """Start it on the model whose first token comes at once: a late one were taken for a stall."""
    clock = WallClock(folder)
    with mounted(folder / "disk") as disk:
        place = disk.folder if disk else folder
        trail = place / "audit.jsonl"
        with serving(
            folder,
            completer.model(),
            **(clock.environ if LIBRARY else {}),
            TMPDIR=str(place),
            MMHIE_STALL_SECONDS=str(STALL_S),
            MMHIE_TIMEOUT_SECONDS=str(TIMEOUT_S),
            MMHIE_RESTART_LIMIT="20",
            MMHIE_DRAIN_SECONDS="0",
            **trail_settings(trail),
        ) as served:
            yield Breakable(served, clock, disk, trail)
