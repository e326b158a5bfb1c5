"""Supervision of the programs beside the engines: the gateway and the router."""

from dataclasses import dataclass
from typing import cast

from launcher.errors import ProgramFailed
from launcher.process.child import Child, Command, Listener, describe
from launcher.process.restarts import ChildSupervisor, Stop

SETTINGS_EXIT = 2


@dataclass(frozen=True, slots=True)
class Program:
    """A program's name in a sentence, its command, and the listener to its lines."""

    name: str
    command: Command
    log: Listener


class ServiceSupervisor(ChildSupervisor[tuple[int, str]]):
    """Keeps one program running, if there is one here."""

    def __init__(self, program: Program | None, restarts: int, stop: Stop) -> None:
        super().__init__(restarts, stop)
        self._is_here = program is not None
        self._program = cast("Program", program)

    async def run(self) -> None:
        """Return after a requested stop; raise ProgramFailed when restarts do not help."""
        await (super().run() if self._is_here else self._stop.requested.wait())

    async def _run_once(self) -> tuple[int, str]:
        """Return the exit status and the last line."""
        self._child = child = Child(self._program.command, self._program.log)
        status = await child.wait()
        return status, child.last_lines[-1] if child.last_lines else ""

    async def _handle_end(self, ending: tuple[int, str]) -> None:
        status, last_line = ending
        if status == SETTINGS_EXIT and last_line:  # the program's own sentence about a setting
            raise ProgramFailed(last_line)
        if status == SETTINGS_EXIT or self._is_spent:
            raise ProgramFailed(
                f"The {self._program.name} does not stay up ({describe(status)}): "
                f"{last_line or 'it wrote nothing.'}"
            )
