"""Supervision of the programs beside the engines: the gateway and the router."""

from dataclasses import dataclass
from functools import partial

from launcher.errors import ProgramFailed
from launcher.process.child import Child, Command, Listener, describe
from launcher.process.restarts import RestartBackoff, Stop, keep_running

SETTINGS_EXIT = 2


@dataclass(frozen=True, slots=True)
class Program:
    """A program's name in a sentence, its command, and the listener to its lines."""

    name: str
    command: Command
    log: Listener


class ServiceSupervisor:
    """Keeps one program running, if there is one here."""

    def __init__(self, program: Program | None, restarts: int, stop: Stop) -> None:
        self._program = program
        self._restarts = restarts
        self._stop = stop
        self._child: Child | None = None

    async def run(self) -> None:
        """Return after a requested stop; raise ProgramFailed when restarts do not help."""
        if self._program is None:
            await self._stop.requested.wait()
            return
        await keep_running(
            partial(self._run_once, self._program),
            partial(self._handle_end, self._program.name),
            limit=self._restarts,
            stop=self._stop,
        )

    async def end(self, grace_s: float) -> None:
        """Stop the program for good."""
        await self._stop.end(self._child, grace_s)

    async def _run_once(self, program: Program) -> tuple[int, str]:
        """Return the exit status and the last line."""
        self._child = child = Child(program.command, program.log)
        status = await child.wait()
        return status, child.last_lines[-1] if child.last_lines else ""

    async def _handle_end(
        self, name: str, ending: tuple[int, str], backoff: RestartBackoff
    ) -> None:
        status, last_line = ending
        if status == SETTINGS_EXIT and last_line:  # the program's own sentence about a setting
            raise ProgramFailed(last_line)
        if status == SETTINGS_EXIT or backoff.is_spent:
            raise ProgramFailed(
                f"The {name} does not stay up ({describe(status)}): "
                f"{last_line or 'it wrote nothing.'}"
            )
