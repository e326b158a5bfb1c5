"""A program that is kept up beside the engines: the gateway, the router."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from launcher.errors import LauncherError
from launcher.process.child import Child, Command, Listener, describe
from launcher.process.restarts import Backoff
from launcher.process.stop import Stop

SETTINGS_EXIT = 2


@dataclass(frozen=True, slots=True)
class Program:
    """Its name in a sentence, how it is started, who hears its lines, what its failure is."""

    name: str
    command: Command
    log: Listener
    failure: type[LauncherError]


class ServiceSupervisor:
    """Restarts it when it dies."""

    def __init__(self, program: Program, restarts: int, stop: Stop) -> None:
        self._program = program
        self._restarts = restarts
        self._stop = stop
        self._child: Child | None = None

    async def run(self) -> None:
        """Return after a stop that was asked for; raise its failure when restarts do not help."""
        backoff = Backoff(self._restarts)
        clock = asyncio.get_running_loop().time
        while not self._stop.asked.is_set():
            began = clock()
            self._child = Child(self._program.command, self._program.log)
            status = await self._child.wait()
            if self._stop.asked.is_set():
                return
            backoff = backoff.after(clock() - began)
            if backoff.is_spent or status == SETTINGS_EXIT:
                raise self._program.failure(ending(self._program.name, status, self._child))
            await self._stop.pause(backoff.pause_s)

    async def end(self, grace_s: float) -> None:
        """Stop it for good."""
        await self._stop.end(self._child, grace_s)


def ending(name: str, status: int, child: Child) -> str:
    """Its own last line is the sentence when a setting was wrong."""
    last = child.last_lines[-1] if child.last_lines else ""
    if status == SETTINGS_EXIT and last:
        return last
    return f"The {name} does not stay up ({describe(status)}): {last or 'it wrote nothing.'}"
