"""A service of which much can be broken: its clock is set and its disk filled from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.disk import Disk, mounted
from tests.gateway.audit.conftest import trail_settings
from tests.models import completer
from tests.real.clock import LIBRARY, WallClock
from tests.real.serving import Served, serving

STALL_S = 60.0  # on a busy machine a first token took 17
TIMEOUT_S = 240  # the stall is found long before


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
