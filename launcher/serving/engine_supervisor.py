"""One engine kept up: started, watched, restarted with a pause, given up on after too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from launcher.errors import ExitedEarly, GaveUp, NeverReady, StartError, ToldToStop
from launcher.process.child import Child, Command, Listener, describe
from launcher.process.restarts import Backoff
from launcher.process.stop import Stop
from launcher.serving import stall_watchdog, startup_log
from launcher.serving.environment import KEY
from launcher.serving.probe import Probe, Where
from launcher.serving.status_file import Name, Phase

TICK_S = 0.25
PULSE_S = 5.0
# A step's fraction from which the model is loading and no longer just starting.
LOADING_FROM = 0.2
# What an engine that has to go gets between SIGTERM and SIGKILL.
ENGINE_STOP_S = 3.0
READY = Phase("ready", "The model is ready.", 1.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and counts after which patience ends."""

    start_s: float
    stall_s: float
    restarts: int


@dataclass(frozen=True, slots=True)
class Engine:
    """How one engine is started, where it then answers, and who hears its lines."""

    command: Command
    where: Where
    log: Listener


class EngineSupervisor:
    """Publishes its engine's phases; `was_ready` once it has been."""

    def __init__(
        self, engine: Engine, limits: Limits, stop: Stop, publish: Callable[[Phase], None]
    ) -> None:
        self.was_ready = asyncio.Event()
        self._engine = engine
        self._limits = limits
        self._stop = stop
        self._publish = publish
        self._seen = startup_log.BEGIN
        self._child: Child | None = None
        self._probe = Probe(engine.where)
        self._asking: asyncio.Task[None] | None = None
        self._clock = asyncio.get_running_loop().time

    async def run(self) -> None:
        """Return after a stop that was asked for; raise a StartError, GaveUp among them."""
        backoff = Backoff(self._limits.restarts)
        while not self._stop.asked.is_set():
            started = self._clock()
            try:
                await self._start()
                self.was_ready.set()
                ending = await self._watch()
            except ToldToStop:
                return
            except StartError as error:
                if not self.was_ready.is_set():
                    raise
                ending = Phase("engine_down", str(error))
            backoff = backoff.after(self._clock() - started)
            await self._restart_pause(ending, backoff)

    def equip(self, engine: Engine) -> None:
        """What will be started, where that was not known at first."""
        self._engine = engine

    async def end(self, grace_s: float) -> None:
        """Stop the engine for good."""
        await self._stop.end(self._child, grace_s)
        if self._asking is not None:
            await asyncio.wait({self._asking})  # its engine is gone
        await self._probe.close()

    async def _restart_pause(self, ending: Phase, backoff: Backoff) -> None:
        """Tell why, clear away what is left of the engine, wait; raise GaveUp after too many."""
        self._publish(ending)
        await self._stop.end(self._child, ENGINE_STOP_S)
        if backoff.is_spent:
            raise GaveUp(f"{ending.detail} It was restarted {backoff.limit} times; that is enough.")
        plan = f"Restart {backoff.failures} of {backoff.limit} in {backoff.pause_s:.0f} s."
        self._publish(Phase(ending.name, f"{ending.detail} {plan}"))
        await self._stop.pause(backoff.pause_s)

    async def _start(self) -> None:
        """Start it and return once it is ready; the three other endings are raised."""
        self._probe.clear_way()
        self._seen = startup_log.BEGIN
        self._child = child = Child(self._engine.command, self._hear)
        deadline = self._clock() + self._limits.start_s
        while not await self._probe.is_healthy():
            self._publish(start_phase(self._seen))
            if self._stop.asked.is_set():
                raise ToldToStop("Told to stop before the engine was ready.")
            if not child.is_running:
                raise ExitedEarly(early_exit(await child.wait(), child))
            if self._clock() > deadline:
                raise NeverReady(never_ready(self._seen, self._limits.start_s))
            await self._stop.pause(TICK_S)

    def _hear(self, line: str) -> None:
        self._seen = startup_log.furthest(self._seen, line)
        self._engine.log(line)

    async def _watch(self) -> Phase:
        """Return the phase a ready engine has fallen into; raise ToldToStop."""
        watch = stall_watchdog.Watch(self._limits.stall_s, self._clock())
        pulse_s = min(PULSE_S, self._limits.stall_s / 4)
        asked = self._clock()
        while self._child and self._child.is_running:
            self._publish(READY)
            await self._stop.pause(TICK_S)
            if self._stop.asked.is_set():
                raise ToldToStop("Told to stop.")
            if self._clock() - asked >= pulse_s:
                metrics = await self._probe.metrics()
                asked = self._clock()
                if watch.is_stalled(stall_watchdog.read(metrics) if metrics else None, asked):
                    return Phase("stalled", stalled(self._limits.stall_s))
                self._ask_in_doubt(watch)
        status = await self._child.wait() if self._child else 0
        return Phase("engine_down", f"The engine ended ({describe(status)}).")

    def _ask_in_doubt(self, watch: stall_watchdog.Watch) -> None:
        """An engine of which nothing was heard for long is asked for one token, beside the rest."""
        is_asking = self._asking is not None and not self._asking.done()
        if watch.is_in_doubt(self._clock()) and not is_asking:
            self._asking = asyncio.create_task(self._ask(watch))

    async def _ask(self, watch: stall_watchdog.Watch) -> None:
        key = self._engine.command.env.get(KEY, "")
        if await self._probe.can_answer(key, self._limits.stall_s):
            watch.prove(self._clock())


def start_phase(seen: startup_log.Progress) -> Phase:
    """A step of the start, as a phase."""
    name: Name = "loading" if seen.fraction >= LOADING_FROM else "starting"
    return Phase(name, f"{seen.step}.", seen.fraction)


def early_exit(status: int, engine: Child) -> str:
    cause = startup_log.root_cause(tuple(engine.last_lines))
    told = f": {cause}" if cause else " and did not say why; its log has the rest."
    return f"The engine ended before it was ready ({describe(status)}){told}"


def never_ready(seen: startup_log.Progress, start_s: float) -> str:
    return (
        f"The engine was not ready after {start_s:.0f} s and was last seen at “{seen.step}”: set "
        "MMHIE_START_TIMEOUT_SECONDS higher if the model is large, or look into its log."
    )


def stalled(stall_s: float) -> str:
    return f"The engine has requests but has produced nothing for {stall_s:.0f} s."
