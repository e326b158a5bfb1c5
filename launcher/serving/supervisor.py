"""Supervision of the whole service: engines, the router before several of them, the gateway."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from launcher.errors import DeviceFailed, GaveUp, ToldToStop
from launcher.process.restarts import Clock, Stop
from launcher.serving import router
from launcher.serving.engine_supervisor import (
    ENGINE_STOP_S,
    TICK_S,
    EngineProgram,
    EngineSupervisor,
    RestartPolicy,
)
from launcher.serving.environment import KEY
from launcher.serving.probe import Probe
from launcher.serving.service_supervisor import Program, ServiceSupervisor
from launcher.serving.status_file import Phase

# Time for the gateway to tell its last clients that the engine is gone.
GATEWAY_MARGIN_S = 1.0
# Time to stop in when nobody asked: one of the programs cannot go on.
GIVING_UP_S = 6.0
ROUTER_STARTING = Phase("loading", "Starting the router.", 0.99)
ROUTER_READY = Phase("ready", "The router is ready.", 1.0)
NOT_READY = "Stopped before the model was ready."
DRAINING = Phase("draining", "Stopping: requests in flight are finished first.")


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs beside the engines, and the router's URL; no gateway if it runs elsewhere."""

    gateway: Program | None = None
    router: Program | None = None
    router_url: str = ""


# Makes what the engines load, and returns their programs; none if they run elsewhere.
Prepare = Callable[[], Coroutine[None, None, Sequence[EngineProgram]]]


class Supervisor:
    """Runs every program until one cannot go on or a stop is requested.

    What has to be prepared first is prepared while the gateway is already up.
    """

    def __init__(
        self,
        programs: Programs,
        prepare: Prepare,
        policy: RestartPolicy,
        publish: Callable[[Phase], None],
        clock: Clock = time.monotonic,
    ) -> None:
        self._prepare, self._policy, self._clock = prepare, policy, clock
        self._publish = publish
        self._stop = Stop(GIVING_UP_S)
        self._engines: list[EngineSupervisor] = []
        self._were_ready = asyncio.Event()
        self._gateway = ServiceSupervisor(programs.gateway, policy.restarts, self._stop)
        self._router = ServiceSupervisor(programs.router, policy.restarts, self._stop)
        self._router_url = programs.router_url
        self._router_key = programs.router.command.env[KEY] if programs.router else ""
        self._is_reachable = programs.router is None

    def stop(self, grace_s: float) -> None:
        """Stop within this many seconds; asked a second time, at once."""
        self._stop.request(grace_s)

    async def run(self) -> None:
        """Return after a requested stop; raise what ended it otherwise."""
        running = [
            asyncio.create_task(program)
            for program in (self._gateway.run(), self._run_router(), self._run_engines())
        ]
        await self._stop.race(asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED))
        self._stop.requested.set()
        await self._shut_down()
        await asyncio.gather(*running)

    def _publish_combined(self) -> None:
        if self._stop.requested.is_set():
            return
        if all(engine.was_ready for engine in self._engines):
            self._were_ready.set()
        phase = combine([engine.phase for engine in self._engines])
        is_cut_off = phase.name == "ready" and not self._is_reachable
        self._publish(ROUTER_STARTING if is_cut_off else phase)

    async def _run_engines(self) -> None:
        """Run each under its supervisor; of several, one given up on leaves the others at work."""
        programs = await self._stop.race(self._prepare())
        if programs is None:
            raise ToldToStop(NOT_READY)
        shared = (self._policy, self._stop, self._publish_combined, self._clock)
        self._engines = [EngineSupervisor(program, *shared) for program in programs]
        if not programs:
            self._were_ready.set()
        running = {asyncio.create_task(engine.run()) for engine in self._engines}
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            if error := fatal_error(done, have_others=bool(running)):
                self._stop.requested.set()
                await asyncio.gather(*running, return_exceptions=True)
                raise error
        await self._stop.requested.wait()

    async def _run_router(self) -> None:
        """Run the router once every engine has been ready: before, it would not listen."""
        await self._stop.race(self._were_ready.wait())
        if not self._router_url:
            await self._stop.requested.wait()
            return
        watching = asyncio.create_task(self._watch_router())
        try:
            await self._router.run()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch_router(self) -> None:
        """Publish ready only while engines can be reached through the router."""
        probe = Probe(self._router_url, self._router_key, router.HEALTH)
        try:
            while True:
                self._is_reachable = await probe.is_healthy()
                self._publish_combined()
                await asyncio.sleep(TICK_S)
        finally:
            await probe.close()

    async def _shut_down(self) -> None:
        """Drain the gateway, since only it knows who is waiting; then end all that is behind it.

        A stream that is still open when the engine has to go gets an error in its own form.
        """
        self._publish(DRAINING)
        grace_s = self._stop.grace_s
        deadline = time.monotonic() + grace_s
        gateway = asyncio.create_task(self._gateway.end(grace_s))
        await asyncio.wait({gateway}, timeout=max(0.0, grace_s - ENGINE_STOP_S))
        margin_s = 0.0 if gateway.done() else GATEWAY_MARGIN_S
        left_s = max(0.0, deadline - time.monotonic() - margin_s)
        ending = [engine.close(left_s) for engine in self._engines]
        await asyncio.gather(*ending, self._router.end(left_s))
        await gateway


def fatal_error(ended: set[asyncio.Task[None]], *, have_others: bool) -> BaseException | None:
    """Return what ended an engine, unless it was given up on, or its GPU, and others remain."""
    spared = (GaveUp, DeviceFailed) if have_others else ()
    errors = (task.exception() for task in ended)
    return next((error for error in errors if error and not isinstance(error, spared)), None)


def combine(phases: Sequence[Phase]) -> Phase:
    """Return the phase of several engines: ready when one is, else that of the slowest."""
    if not phases:
        return ROUTER_READY
    ready = [phase for phase in phases if phase.name == "ready"]
    others = [phase for phase in phases if phase.name != "ready"]
    if not others:
        return ready[0]
    if ready:
        count = f"{len(ready)} of {len(phases)} engines are ready."
        return Phase("ready", f"{count} {others[0].detail}", 1.0)
    return min(others, key=lambda phase: phase.progress or 0.0)
