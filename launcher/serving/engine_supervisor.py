"""Supervision of one engine: start, readiness, stalls, restarts."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from launcher.errors import EngineOutOfMemory, GaveUp, NeverReady, StartError
from launcher.process.child import Child, Command, Listener, describe
from launcher.process.restarts import ChildSupervisor, Clock, Stop
from launcher.serving import failures, startup_log
from launcher.serving.environment import KEY
from launcher.serving.probe import Address, Probe
from launcher.serving.stall_watchdog import StallWatchdog, activity
from launcher.serving.status_file import Phase

TICK_S = 0.25
METRICS_EVERY_S = 5.0
# What an engine that has to go gets between SIGTERM and SIGKILL.
ENGINE_STOP_S = 3.0


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Seconds until a start or a silence counts as a failure, and the restarts allowed."""

    start_s: float
    stall_s: float
    restarts: int


@dataclass(frozen=True, slots=True)
class EngineProgram:
    """An engine's command, the address it then answers at, and the listener to its lines.

    `recheck` raises DeviceFailed when the hardware of its plan is no longer there; `lighter` says
    with which changes the engine would need less memory. `smaller` is tried once when it runs out
    of memory while it starts. A `note` is shown while this program runs; `on_ready` is called when
    it has become ready.
    """

    command: Command
    address: Address
    log: Listener
    recheck: Callable[[], None] = lambda: None
    lighter: str = "set MMHIE_REASONER_MODEL to a smaller model"
    smaller: "EngineProgram | None" = None
    note: str = ""
    on_ready: Callable[[], None] = lambda: None


class EngineSupervisor(ChildSupervisor[Phase]):
    """Keeps one engine running, and calls `publish` when its `phase` may have changed.

    Its run raises a StartError, GaveUp among them, or DeviceFailed.
    """

    def __init__(
        self,
        engine: EngineProgram,
        policy: RestartPolicy,
        stop: Stop,
        publish: Callable[[], None],
        clock: Clock = time.monotonic,
    ) -> None:
        super().__init__(policy.restarts, stop, clock)
        self.phase = startup_log.BEGIN
        self.was_ready = False
        self._engine = engine
        self._policy = policy
        self._publish_all = publish
        self._starting = startup_log.BEGIN
        self._client = Probe(engine.address, engine.command.env.get(KEY, ""))

    async def close(self, grace_s: float) -> None:
        """Stop the engine for good."""
        await self.end(grace_s)
        await self._client.close()

    def _publish(self, phase: Phase) -> None:
        self.phase = phase
        self._publish_all()

    async def _run_once(self) -> Phase:
        """Return the phase in which the engine's life ended; raise a StartError of the first."""
        child = self._start()
        try:
            await self._until_ready(child)
        except StartError as error:
            if isinstance(error, EngineOutOfMemory) and self._engine.smaller:
                self._engine = self._engine.smaller
                return Phase("engine_down", f"{error} {self._engine.note}")
            if not self.was_ready:
                raise
            return Phase("engine_down", str(error))
        return self._ready if self._stop.requested.is_set() else await self._watch(child)

    async def _handle_end(self, ending: Phase) -> None:
        """Publish why, end what is left of the engine, and look at the hardware again.

        Raise DeviceFailed when that does not work any more, GaveUp after too many restarts.
        """
        self._publish(ending)
        await self.end(ENGINE_STOP_S)
        await asyncio.to_thread(self._engine.recheck)
        failures.raise_device_fault(self._child.last_lines if self._child else ())
        if self._is_spent:
            raise GaveUp(
                f"{ending.detail} It was restarted {self._restarts} times; that is enough."
            )
        plan = f"Restart {self._failures} of {self._restarts} in {self._pause_s:.0f} s."
        self._publish(Phase(ending.name, f"{ending.detail} {plan}"))

    @property
    def _ready(self) -> Phase:
        return Phase("ready", f"The model is ready. {self._engine.note}".rstrip(), 1.0)

    def _start(self) -> Child:
        if self._engine.note:
            self._engine.log(self._engine.note)
        self._client.remove_stale_socket()
        self._starting = startup_log.BEGIN
        self._child = Child(self._engine.command, self._on_line)
        return self._child

    def _on_line(self, line: str) -> None:
        self._starting = startup_log.furthest(self._starting, line)
        self._engine.log(line)

    async def _until_ready(self, child: Child) -> None:
        """Return once the engine is ready or a stop is requested; raise a StartError otherwise."""
        deadline = self._clock() + self._policy.start_s
        while not (await self._client.is_healthy() and await self._warm_up()):
            self._publish(self._starting)
            if self._stop.requested.is_set():
                return
            if not child.is_running:
                status = await child.wait()
                raise failures.start_error(status, child.last_lines, self._engine.lighter)
            if self._clock() > deadline:
                raise NeverReady(
                    f"The engine was not ready after {self._policy.start_s:.0f} s and was last "
                    f"seen at “{self._starting.detail}”: set MMHIE_START_TIMEOUT_SECONDS higher if "
                    "the model is large, or look into its log."
                )
            await self._stop.pause(TICK_S)
        self.was_ready = True
        self._engine.on_ready()

    async def _warm_up(self) -> bool:
        """Have one token generated, which compiles kernels, in a start's time and not in a stall's;
        return whether the engine has answered, and is still well."""
        self._starting = startup_log.FIRST_TOKEN
        self._publish(self._starting)
        if not await self._stop.race(self._client.generates(self._policy.start_s)):
            return False
        await self._stop.pause(TICK_S)  # an engine that dies of it needs a moment to say so
        return await self._client.is_healthy()

    async def _watch(self, child: Child) -> Phase:
        """Return the phase a ready engine falls into; its last one when a stop is requested."""
        stall_s = self._policy.stall_s
        watchdog = StallWatchdog(stall_s, self._clock())
        metrics_every_s = min(METRICS_EVERY_S, stall_s / 4)
        read_at = self._clock()
        while child.is_running:
            self._publish(self._ready)
            paused_at = self._clock()
            await self._stop.pause(TICK_S)
            if self._stop.requested.is_set():
                return self._ready
            if self._clock() - paused_at > stall_s / 2:
                watchdog.record_token(self._clock())  # we stood still, and the engine with us
            if self._clock() - read_at >= metrics_every_s:
                read_at = self._clock()
                if await self._is_stalled(watchdog, read_at):
                    silence = f"has produced nothing for {stall_s:.0f} s."
                    return Phase("stalled", f"The engine has requests but {silence}")
        return Phase("engine_down", f"The engine ended ({describe(await child.wait())}).")

    async def _is_stalled(self, watchdog: StallWatchdog, now: float) -> bool:
        """Read the metrics; have an engine that was silent for long generate one token."""
        metrics = await self._client.metrics()
        is_stalled = watchdog.is_stalled(activity(metrics) if metrics else None, now)
        is_asked = not is_stalled and watchdog.needs_probe(now)
        if is_asked and await self._stop.race(self._client.generates(self._policy.stall_s)):
            watchdog.record_token(self._clock())
        return is_stalled
