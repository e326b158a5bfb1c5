"""Keeps the engine and the gateway up until asked to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher import pulse, readiness
from launcher.backoff import Backoff
from launcher.child import Child, Command, Listener, describe
from launcher.errors import ExitedEarly, GatewayFailed, GaveUp, NeverReady, StartError, ToldToStop
from launcher.phase import Name, Phase
from launcher.probe import Probe

TICK_S = 0.25
PULSE_S = 5.0
# A step's fraction from which the model is loading and no longer just starting.
LOADING_FROM = 0.2
# Of the time to stop in, what the engine gets when the gateway is still draining by then.
ENGINE_STOP_S = 3.0
# What the gateway then has to tell its last clients that the engine is gone.
FAREWELL_S = 1.0
# The time to stop in when nobody asked: one of the two cannot go on.
GIVING_UP_S = 6.0
READY = Phase("ready", "The model is ready.", 1.0)
DRAINING = Phase("draining", "Stopping: requests in flight are finished first.")
SETTINGS_EXIT = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and counts after which patience ends."""

    start_s: float
    stall_s: float
    restarts: int


@dataclass(frozen=True, slots=True)
class Programs:
    """The two commands, the engine's socket, and who hears their lines."""

    engine: Command
    gateway: Command
    socket: Path
    engine_log: Listener
    gateway_log: Listener


class Supervisor:
    """One loop writes the engine's phase; signals only leave a note, through `stop` and `hurry`."""

    def __init__(
        self, programs: Programs, limits: Limits, publish: Callable[[Phase], None]
    ) -> None:
        self._programs = programs
        self._limits = limits
        self._publish = publish
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._stop_s = GIVING_UP_S
        self._seen = readiness.BEGIN
        self._engine: Child | None = None
        self._gateway: Child | None = None
        self._probe = Probe(programs.socket)
        self._clock = asyncio.get_running_loop().time

    def stop(self, grace_s: float) -> None:
        """Stop within this many seconds; asked a second time, at once."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stop_s = grace_s
        self._stopping.set()

    async def run(self) -> None:
        """Return after a stop that was asked for; raise GatewayFailed or a StartError."""
        keepers = [
            asyncio.create_task(keeper) for keeper in (self._keep_gateway(), self._keep_engine())
        ]
        asked = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({*keepers, asked}, return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        await asked
        await self._shut_down()
        await asyncio.gather(*keepers)

    async def _keep_gateway(self) -> None:
        backoff = Backoff(self._limits.restarts)
        while not self._stopping.is_set():
            started = self._clock()
            self._gateway = Child(self._programs.gateway, self._programs.gateway_log)
            status = await self._gateway.wait()
            if self._stopping.is_set():
                return
            backoff = backoff.after(self._clock() - started)
            if backoff.is_spent or status == SETTINGS_EXIT:
                raise GatewayFailed(gateway_ending(status, self._gateway))
            await self._pause(backoff.pause_s)

    async def _keep_engine(self) -> None:
        backoff = Backoff(self._limits.restarts)
        was_ready = False
        while not self._stopping.is_set():
            started = self._clock()
            try:
                await self._start_engine()
                was_ready = True
                ending = await self._watch_engine()
            except ToldToStop:
                return
            except StartError as error:
                if not was_ready:
                    raise
                ending = Phase("engine_down", str(error))
            backoff = backoff.after(self._clock() - started)
            await self._restart_pause(ending, backoff)

    async def _restart_pause(self, ending: Phase, backoff: Backoff) -> None:
        """Tell why, clear away what is left of the engine, wait; raise GaveUp after too many."""
        self._publish(ending)
        await self._end(self._engine, ENGINE_STOP_S)
        if backoff.is_spent:
            raise GaveUp(f"{ending.detail} It was restarted {backoff.limit} times; that is enough.")
        plan = f"Restart {backoff.failures} of {backoff.limit} in {backoff.pause_s:.0f} s."
        self._publish(Phase(ending.name, f"{ending.detail} {plan}"))
        await self._pause(backoff.pause_s)

    async def _start_engine(self) -> None:
        """Start it and return once it is ready; the three other endings are raised."""
        self._programs.socket.unlink(missing_ok=True)
        self._seen = readiness.BEGIN
        self._engine = engine = Child(self._programs.engine, self._hear_engine)
        deadline = self._clock() + self._limits.start_s
        while not await self._probe.is_healthy():
            self._publish(start_phase(self._seen))
            if self._stopping.is_set():
                raise ToldToStop("Told to stop before the engine was ready.")
            if not engine.is_running:
                raise ExitedEarly(early_exit(await engine.wait(), engine))
            if self._clock() > deadline:
                raise NeverReady(never_ready(self._seen, self._limits.start_s))
            await self._pause(TICK_S)

    def _hear_engine(self, line: str) -> None:
        self._seen = readiness.furthest(self._seen, line)
        self._programs.engine_log(line)

    async def _watch_engine(self) -> Phase:
        """Return the phase a ready engine has fallen into; raise ToldToStop."""
        watch = pulse.Watch(self._limits.stall_s, self._clock())
        pulse_s = min(PULSE_S, self._limits.stall_s / 4)
        asked = self._clock()
        while self._engine and self._engine.is_running:
            self._publish(READY)
            await self._pause(TICK_S)
            if self._stopping.is_set():
                raise ToldToStop("Told to stop.")
            if self._clock() - asked >= pulse_s:
                metrics = await self._probe.metrics()
                asked = self._clock()
                if watch.is_stalled(pulse.read(metrics) if metrics else None, asked):
                    return Phase("stalled", stalled(self._limits.stall_s))
        status = await self._engine.wait() if self._engine else 0
        return Phase("engine_down", f"The engine ended ({describe(status)}).")

    async def _shut_down(self) -> None:
        """The gateway drains first, since only it knows who is waiting; then the engine.

        A stream that is still open when the engine has to go gets an error in its own form.
        """
        self._publish(DRAINING)
        deadline = self._clock() + self._stop_s
        gateway = asyncio.create_task(self._end(self._gateway, self._stop_s))
        await asyncio.wait({gateway}, timeout=max(0.0, self._stop_s - ENGINE_STOP_S))
        left_s = deadline - self._clock() - (0.0 if gateway.done() else FAREWELL_S)
        await self._end(self._engine, max(0.0, left_s))
        await gateway
        await self._probe.close()

    async def _end(self, child: Child | None, grace_s: float) -> None:
        """Stop a child, or kill it when a hurry is noted."""
        if child is None:
            return
        stop = asyncio.create_task(child.stop(grace_s))
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stop, hurry}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.done():
            child.kill()
        hurry.cancel()
        await stop

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until a stop is asked for."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def start_phase(seen: readiness.Progress) -> Phase:
    """A step of the start, as a phase."""
    name: Name = "loading" if seen.fraction >= LOADING_FROM else "starting"
    return Phase(name, f"{seen.step}.", seen.fraction)


def early_exit(status: int, engine: Child) -> str:
    cause = readiness.root_cause(tuple(engine.last_lines))
    told = f": {cause}" if cause else " and did not say why; its log has the rest."
    return f"The engine ended before it was ready ({describe(status)}){told}"


def never_ready(seen: readiness.Progress, start_s: float) -> str:
    return (
        f"The engine was not ready after {start_s:.0f} s and was last seen at “{seen.step}”: set "
        "MMHIE_START_TIMEOUT_SECONDS higher if the model is large, or look into its log."
    )


def stalled(stall_s: float) -> str:
    return f"The engine has requests but has produced nothing for {stall_s:.0f} s."


def gateway_ending(status: int, gateway: Child) -> str:
    """Its own last line is the sentence when a setting was wrong."""
    last = gateway.last_lines[-1] if gateway.last_lines else ""
    if status == SETTINGS_EXIT and last:
        return last
    return f"The gateway does not stay up ({describe(status)}): {last or 'it wrote nothing.'}"
