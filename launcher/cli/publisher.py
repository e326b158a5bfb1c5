"""Publishes the phases of a run: one way for every command that starts engines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from launcher.checkpoints.preparation import Plans
from launcher.process.child import Listener
from launcher.serving.status_file import Phase, StatusFile, engine_facts
from launcher.terminal.progress import ProgressDisplay

INCIDENTS: Final = ("engine_down", "stalled")
EVERY_S: Final = 5


class Publisher:
    """Publishes phases in the status file and on standard error; the first ready brings the plan's
    warnings and the greeting.

    `log` takes incidents that standard error does not keep.
    """

    def __init__(
        self,
        path: Path,
        display: ProgressDisplay,
        plans: Plans,
        environ: Mapping[str, str],
        *,
        log: Listener = lambda line: None,
        greeting: str = "",
    ) -> None:
        self._display, self._plans, self._environ = display, plans, environ
        self._file = StatusFile(path, engine_facts(plans, environ))
        self._log, self._greeting = log, greeting
        self._shown: Phase | None = None
        self._has_greeted = False

    def use(self, plans: Plans) -> None:
        """Publish the facts of these plans from now on."""
        self._plans = plans
        self._file.facts = engine_facts(plans, self._environ)

    def step(self, sentence: str, fraction: float | None) -> None:
        """Publish the progress of a download or conversion before the start."""
        self(Phase("loading", f"{sentence}.", fraction))

    @contextlib.asynccontextmanager
    async def repeat(self) -> AsyncIterator[None]:
        """Publish the last step again and again: the file's age says whether the launcher works."""

        async def publish() -> None:
            while True:
                await asyncio.sleep(EVERY_S)
                if self._shown:
                    self(self._shown)

        publishing = asyncio.create_task(publish())
        try:
            yield
        finally:
            publishing.cancel()

    def __call__(self, phase: Phase) -> None:
        if problem := self._file.write(phase):
            self._display.done(f"Warning: {problem}")
        if phase != self._shown:
            self._shown = phase
            self._show(phase)

    def _show(self, phase: Phase) -> None:
        if phase.name == "ready" and not self._has_greeted:
            self._has_greeted = True
            for warning in self._plans[0].warnings if self._plans else ():
                self._display.done(f"Warning: {warning}")
            self._display.done(self._greeting or phase.detail)
        elif phase.name in INCIDENTS:
            self._display.incident(phase.detail)
            self._log(phase.detail)
        else:
            self._display.step(phase.detail, phase.progress)
