"""Publishes the phases of a start and what follows: one way for every command that starts engines.

Each goes to the status file, the terminal or the container's log, and to who reads JSON lines.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from launcher.checkpoints.preparation import SENTENCES, Plans
from launcher.planning import start_times
from launcher.process.child import Listener
from launcher.process.restarts import Clock
from launcher.serving.status_file import Phase, StatusFile, engine_facts
from launcher.terminal.progress import ProgressDisplay

INCIDENTS: Final = ("engine_down", "stalled")
STARTING: Final = ("starting", "loading")
EVERY_S: Final = 5  # between two phases that differ in their seconds alone
MOST: Final = 0.99  # of a phase that takes longer than expected

Report = Callable[[Phase], None]


@dataclass(frozen=True, slots=True)
class Outlets:
    """Outlets of phases; `log` takes incidents that standard error does not keep."""

    status_file: Path
    display: ProgressDisplay
    report: Report
    log: Listener = lambda line: None
    greet: Callable[[Plans], None] = lambda plans: None


class Publisher:
    """Publishes phases, those of a start with their elapsed and expected seconds.

    The first ready brings the plan's warnings and the greeting.
    """

    def __init__(
        self,
        outlets: Outlets,
        plans: Plans,
        environ: Mapping[str, str],
        clock: Clock = time.monotonic,
    ) -> None:
        self._outlets, self._plans, self._environ = outlets, plans, environ
        self._file = StatusFile(outlets.status_file, engine_facts(plans, environ))
        self._clock = clock
        self._work, self._since = "", 0.0
        self._shown: Phase | None = None
        self._has_greeted = False
        self._step: tuple[str, float | None] | None = None

    def use(self, plans: Plans) -> None:
        """Publish the facts of these plans from now on."""
        self._plans, self._step = plans, None
        self._file.facts = engine_facts(plans, self._environ)

    def step(self, sentence: str, fraction: float | None) -> None:
        """Publish the progress of a download or conversion before the start."""
        self._step = sentence, fraction
        is_made = sentence in SENTENCES.values() and self._plans
        expected_s = start_times.making_s(self._plans[0]) if is_made else 0.0
        phase = Phase("loading", f"{sentence}.", fraction)
        self._show(self._time(phase, sentence.partition(":")[0], expected_s))

    @contextlib.asynccontextmanager
    async def tick(self) -> AsyncIterator[None]:
        """Publish the last step again and again, since its seconds pass."""

        async def repeat() -> None:
            while True:
                await asyncio.sleep(EVERY_S)
                if self._step:
                    self.step(*self._step)

        ticker = asyncio.create_task(repeat())
        try:
            yield
        finally:
            ticker.cancel()

    def __call__(self, phase: Phase) -> None:
        if phase.name not in STARTING:
            self._work = phase.name
            self._show(phase)
        else:
            expected_s = start_times.engine_s(self._plans[0]) if self._plans else 0.0
            self._show(self._time(phase, "engine", expected_s))

    def _time(self, phase: Phase, work: str, expected_s: float) -> Phase:
        """Return the phase with the seconds that this work has taken, and is expected to take."""
        now = self._clock()
        if work != self._work:
            self._work, self._since = work, now
        if not expected_s:
            return phase
        elapsed_s = int(now - self._since) // EVERY_S * EVERY_S
        detail = f"{phase.detail.rstrip('.')}: {elapsed_s} s of about {expected_s:.0f} s."
        passed = round(min(elapsed_s / expected_s, MOST), 2)
        fraction = passed if phase.progress is None else phase.progress
        return replace(phase, detail=detail, progress=fraction)

    def _show(self, phase: Phase) -> None:
        display = self._outlets.display
        if problem := self._file.write(phase):
            display.done(f"Warning: {problem}")
        if phase == self._shown:
            return
        self._shown = phase
        self._outlets.report(phase)
        if phase.name == "ready" and not self._has_greeted:
            self._greet()
        elif phase.name in INCIDENTS:
            display.incident(phase.detail)
            self._outlets.log(phase.detail)
        else:
            display.step(phase.detail, phase.progress)

    def _greet(self) -> None:
        self._has_greeted = True
        for warning in self._plans[0].warnings if self._plans else ():
            self._outlets.display.done(f"Warning: {warning}")
        self._outlets.greet(self._plans)
