"""Keeps the engines, the router before several of them, and the gateway up until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from launcher.errors import GaveUp, ToldToStop
from launcher.process.stop import Stop
from launcher.serving import router
from launcher.serving.engine_supervisor import (
    ENGINE_STOP_S,
    TICK_S,
    Engine,
    EngineSupervisor,
    Limits,
)
from launcher.serving.probe import Probe
from launcher.serving.service_supervisor import Program, ServiceSupervisor
from launcher.serving.status_file import Phase

# What the gateway then has to tell its last clients that the engine is gone.
FAREWELL_S = 1.0
# The time to stop in when nobody asked: one of the programs cannot go on.
GIVING_UP_S = 6.0
BEGIN = Phase("starting", "Starting the engine.", 0.0)
ROUTING = Phase("loading", "Starting the router.", 0.99)
ROUTED = Phase("ready", "The router is ready.", 1.0)
DRAINING = Phase("draining", "Stopping: requests in flight are finished first.")


@dataclass(frozen=True, slots=True)
class Programs:
    """Everything that runs; with a router, the URL it listens on, and maybe no engine of ours."""

    engines: tuple[Engine, ...]
    gateway: Program
    router: Program | None = None
    router_url: str = ""


# Makes what the engines load, and says how they are started then.
Making = Callable[[], Awaitable[tuple[Engine, ...]]]


class Supervisor:
    """Keepers tell their engine's phase; signals only leave a note, through `stop`.

    What has to be made first is made while the gateway is already up.
    """

    def __init__(
        self,
        programs: Programs,
        limits: Limits,
        publish: Callable[[Phase], None],
        making: Making | None = None,
    ) -> None:
        self._publish = publish
        self._making = making
        self._stop = Stop(GIVING_UP_S)
        self._phases = [BEGIN] * len(programs.engines)
        self._keepers = [
            EngineSupervisor(engine, limits, self._stop, self._hear(index))
            for index, engine in enumerate(programs.engines)
        ]
        self._gateway = ServiceSupervisor(programs.gateway, limits.restarts, self._stop)
        balancer = programs.router
        self._router = (
            ServiceSupervisor(balancer, limits.restarts, self._stop) if balancer else None
        )
        self._router_url = programs.router_url
        self._is_routing = balancer is None
        self._clock = asyncio.get_running_loop().time

    def stop(self, grace_s: float) -> None:
        """Stop within this many seconds; asked a second time, at once."""
        self._stop.ask(grace_s)

    async def run(self) -> None:
        """Return after a stop that was asked for; raise what ended it otherwise."""
        upkeep = [
            asyncio.create_task(keeping)
            for keeping in (self._gateway.run(), self._keep_router(), self._keep_engines())
        ]
        asked = asyncio.create_task(self._stop.asked.wait())
        await asyncio.wait({*upkeep, asked}, return_when=asyncio.FIRST_COMPLETED)
        self._stop.asked.set()
        await asked
        await self._shut_down()
        await asyncio.gather(*upkeep)

    def _hear(self, index: int) -> Callable[[Phase], None]:
        """What the keeper of this engine tells."""

        def hear(phase: Phase) -> None:
            self._phases[index] = phase
            self._tell()

        return hear

    def _tell(self) -> None:
        if self._stop.asked.is_set():
            return
        phase = combined(self._phases)
        is_cut_off = phase.name == "ready" and not self._is_routing
        self._publish(ROUTING if is_cut_off else phase)

    async def _keep_engines(self) -> None:
        """Each by its keeper; of several, one that is given up on leaves the others at work."""
        if self._making is not None:
            await self._make(self._making)
        running = {asyncio.create_task(keeper.run()) for keeper in self._keepers}
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            try:
                check(done, have_others=bool(running))
            except BaseException:
                self._stop.asked.set()
                await asyncio.gather(*running, return_exceptions=True)
                raise
        await self._stop.asked.wait()

    async def _make(self, making: Making) -> None:
        """Raise ToldToStop when a stop is asked for before it is made."""
        made = asyncio.ensure_future(making())
        asked = asyncio.create_task(self._stop.asked.wait())
        await asyncio.wait({made, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not made.done():
            made.cancel()
            await asyncio.gather(made, return_exceptions=True)
            raise ToldToStop("Stopped before the model was ready.")
        for keeper, engine in zip(self._keepers, made.result(), strict=True):
            keeper.equip(engine)

    async def _keep_router(self) -> None:
        """From when every engine has been ready: before, it would not listen."""
        for keeper in self._keepers:
            await first_of(keeper.was_ready, self._stop.asked)
        if self._router is None:
            await self._stop.asked.wait()
            return
        watching = asyncio.create_task(self._watch_router())
        try:
            await self._router.run()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch_router(self) -> None:
        """Ready is what can be reached through it."""
        probe = Probe(self._router_url, router.HEALTH)
        try:
            while True:
                self._is_routing = await probe.is_healthy()
                self._tell()
                await asyncio.sleep(TICK_S)
        finally:
            await probe.close()

    async def _shut_down(self) -> None:
        """The gateway drains first, since only it knows who is waiting; then all before it.

        A stream that is still open when the engine has to go gets an error in its own form.
        """
        self._publish(DRAINING)
        grace_s = self._stop.grace_s
        deadline = self._clock() + grace_s
        gateway = asyncio.create_task(self._gateway.end(grace_s))
        await asyncio.wait({gateway}, timeout=max(0.0, grace_s - ENGINE_STOP_S))
        left_s = deadline - self._clock() - (0.0 if gateway.done() else FAREWELL_S)
        behind = [keeper.end for keeper in self._keepers]
        behind += [self._router.end] if self._router else []
        await asyncio.gather(*(end(max(0.0, left_s)) for end in behind))
        await gateway


def check(ended: set[asyncio.Task[None]], *, have_others: bool) -> None:
    """Raise what ended an engine's keeping, unless it was given up on and others remain."""
    for task in ended:
        error = task.exception()
        if error is not None and not (isinstance(error, GaveUp) and have_others):
            raise error


async def first_of(*events: asyncio.Event) -> None:
    """Return when any of them is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def combined(phases: Sequence[Phase]) -> Phase:
    """What several engines are together: ready when one is, else as far as the slowest."""
    if not phases:
        return ROUTED
    ready = [phase for phase in phases if phase.name == "ready"]
    others = [phase for phase in phases if phase.name != "ready"]
    if not others:
        return ready[0]
    if ready:
        count = f"{len(ready)} of {len(phases)} engines are ready."
        return Phase("ready", f"{count} {others[0].detail}", 1.0)
    return min(others, key=lambda phase: phase.progress or 0.0)
