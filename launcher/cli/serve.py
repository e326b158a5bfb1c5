"""`mmhie serve`: engine and gateway, from the settings to a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from launcher import settings
from launcher.checkpoints import preparation
from launcher.checkpoints.preparation import Plans
from launcher.errors import ToldToStop
from launcher.planning import hardware, installation
from launcher.process import log
from launcher.process.stop import Stop
from launcher.serving import follower, preflight, router
from launcher.serving.engine_supervisor import Engine, Limits
from launcher.serving.programs import Place, planned_anew, programs
from launcher.serving.status_file import Facts, Phase, StatusFile, facts
from launcher.serving.supervisor import Supervisor
from launcher.settings import LauncherSettings
from launcher.terminal.progress import ProgressDisplay, banner

# A person at the keyboard waits less long than an orchestrator.
INTERRUPT_GRACE_S = 8.0

WithoutGpu = Annotated[
    str | None,
    typer.Option(help="Model when MMHIE_REASONER_MODEL is not set and no GPU is visible."),
]
AsJsonLines = Annotated[
    bool, typer.Option("--json", help="Print each phase as a JSON object, one a line.")
]
Teller = Callable[[Phase], None]
Engines = Annotated[int | None, typer.Option(help="Engines on this machine; MMHIE_ENGINES.")]


def serve(
    without_gpu: WithoutGpu = None, engines: Engines = None, as_json: AsJsonLines = False
) -> None:
    """Start the engine and the gateway, and keep them up."""
    environ = dict(os.environ) | ({"MMHIE_ENGINES": str(engines)} if engines else {})
    # The engine's memory holds what was asked, too; its processes inherit the limit.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        asyncio.run(serve_until_stopped(environ, without_gpu, tell if as_json else silent))
    except asyncio.CancelledError:
        raise ToldToStop("Stopped before the model was ready.") from None


def silent(phase: Phase) -> None:
    """Nobody reads phases on standard output."""


def tell(phase: Phase) -> None:
    """A phase for a program, the moment it begins."""
    sys.stdout.write(json.dumps(asdict(phase)) + "\n")
    sys.stdout.flush()


async def serve_until_stopped(
    environ: Mapping[str, str], without_gpu: str | None, teller: Teller = silent
) -> None:
    """The whole life of one service. Raises LauncherError."""
    on_signals({number: task_of_this().cancel for number in (signal.SIGINT, signal.SIGTERM)})
    chosen = load(environ, without_gpu)
    if chosen.node_rank == 0:
        preflight.check_gateway()
        preflight.check_port(chosen.host, chosen.port)
    preflight.check_room(chosen.cache_dir)
    if chosen.engines > 1 or len(chosen.engine_urls) > 1:
        router.check_installed()
    display = ProgressDisplay(Console(stderr=True))
    with log_file(display, chosen) as file, private_folder() as folder:
        try:
            if chosen.node_rank > 0:
                await follow(chosen, environ, display, file)
                return
            plans = preparation.plans_of(chosen)
            await supervise(Service(chosen, plans, Place(folder, file), display, teller), environ)
        finally:
            display.done()


def on_signals(actions: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """Replace what these signals do."""
    for number, action in actions.items():
        asyncio.get_running_loop().add_signal_handler(number, action)


def task_of_this() -> asyncio.Task[object]:
    """The running task; a coroutine that runs always has one."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("No task is running.")
    return task


def load(environ: Mapping[str, str], without_gpu: str | None) -> LauncherSettings:
    """The settings, with the stand-in model where neither a model nor a GPU is given."""
    chosen = settings.load(environ)
    is_open = "reasoner_model" not in chosen.model_fields_set and not hardware.detect().gpus
    if without_gpu and is_open:
        chosen = chosen.model_copy(update={"reasoner_model": without_gpu})
    return chosen


@contextlib.contextmanager
def log_file(display: ProgressDisplay, chosen: LauncherSettings) -> Iterator[TextIO]:
    """A file when a person watches the progress bar, else standard error."""
    if not display.is_terminal:
        yield sys.stderr
        return
    with log.open_log(chosen.cache_dir / "logs" / f"serve-{chosen.port}.log") as file:
        yield file


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """For the engine's socket and the phase file; its path is short, as sockets want it."""
    with tempfile.TemporaryDirectory(prefix="mmhie-") as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class Service:
    """What one run of the service is made of."""

    settings: LauncherSettings
    plans: Plans
    place: Place
    display: ProgressDisplay
    teller: Teller = silent

    @property
    def address(self) -> str:
        """Where a person on this machine reaches the gateway."""
        host = self.settings.host
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  # compared
        return f"http://{reachable}:{self.settings.port}"


async def supervise(service: Service, environ: Mapping[str, str]) -> None:
    """Run until a signal has been noted. Raises GatewayFailed and StartError."""
    limits = Limits(
        start_s=service.settings.start_timeout_seconds,
        stall_s=service.settings.stall_seconds,
        restarts=service.settings.restart_limit,
    )
    publish = Publisher(service, StatusFile(service.place.phase_file, unchanging(service)))
    parts = programs(service.settings, service.plans, environ, service.place)

    async def make() -> tuple[Engine, ...]:
        plans = await prepared(service, publish, environ)
        return planned_anew(parts.engines, plans, environ)

    is_lacking = any(plan.preparation for plan in service.plans)
    supervisor = Supervisor(parts, limits, publish, make if is_lacking else None)
    stop_on_signals(supervisor.stop, service.settings.stop_grace_seconds)
    await supervisor.run()


async def prepared(service: Service, publish: Publisher, environ: Mapping[str, str]) -> Plans:
    """Plans whose checkpoint is there; how far it is, is a phase like any other."""

    def step(sentence: str, fraction: float | None) -> None:
        publish(Phase("loading", f"{sentence}.", fraction))

    hear = log.prefixed("prepare", service.place.log)
    plans = await preparation.prepared(service.plans, environ, step, hear)
    publish.adopt(replace(service, plans=plans))
    return plans


async def follow(
    chosen: LauncherSettings, environ: Mapping[str, str], display: ProgressDisplay, file: TextIO
) -> None:
    """This node's part of an engine whose head is another node."""
    hear = log.prefixed("prepare", file)
    plans = await preparation.prepared(preparation.plans_of(chosen), environ, display.step, hear)
    display.done()
    stop = Stop(chosen.stop_grace_seconds)
    stop_on_signals(stop.ask, chosen.stop_grace_seconds)
    await follower.follow(plans[0], environ, log.prefixed("engine", file), stop)


def stop_on_signals(stop: Callable[[float], None], patience_s: float) -> None:
    """Both leave a note, with how long the stop may take."""
    on_signals(
        {
            signal.SIGTERM: partial(stop, patience_s),
            signal.SIGINT: partial(stop, min(patience_s, INTERRUPT_GRACE_S)),
        }
    )


def unchanging(service: Service) -> Facts:
    override = service.settings.reasoner_model_test_override is not None
    if not service.plans:
        return Facts(engine={"name": "vllm"}, model={})
    version = installation.detect().version
    return facts(service.plans[0], engine_version=version, test_override=override)


class Publisher:
    """Every phase goes to the phase file and to the person; the first ready brings the banner."""

    def __init__(self, service: Service, phase_file: StatusFile) -> None:
        self._service = service
        self._file = phase_file
        self._shown: Phase | None = None
        self._has_greeted = False

    def adopt(self, service: Service) -> None:
        """Tell of another plan from now on."""
        self._service = service
        self._file = StatusFile(self._file.path, unchanging(service))

    def __call__(self, phase: Phase) -> None:
        if trouble := self._file.write(phase):
            self._service.display.done(f"Warning: {trouble}")
        if phase == self._shown:
            return
        self._shown = phase
        self._service.teller(phase)
        if phase.name == "ready" and not self._has_greeted:
            self._greet()
        else:
            self._service.display.step(phase.detail, phase.progress)

    def _greet(self) -> None:
        self._has_greeted = True
        plans = self._service.plans
        for warning in plans[0].warnings if plans else ():
            self._service.display.done(f"Warning: {warning}")
        model = plans[0].served_model if plans else self._service.settings.model
        address = self._service.address
        self._service.display.done(banner(model=model, address=address, python=sys.executable))
