"""`mmhie serve`: engine and gateway, from the settings to a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from launcher import (
    checkpoint,
    embedded,
    environment,
    gguf,
    hardware,
    installation,
    log,
    merging,
    premises,
    readiness,
    settings,
)
from launcher.child import Command
from launcher.display import Display, banner
from launcher.errors import MissingPackage, ToldToStop
from launcher.phase import Facts, Phase, PhaseFile, facts
from launcher.plan import EnginePlan, make_plan
from launcher.settings import LauncherSettings
from launcher.supervisor import Limits, Programs, Supervisor

# A person at the keyboard waits less long than an orchestrator.
INTERRUPT_GRACE_S = 8.0
PREPARING = {
    "embedded": "De-quantizing the model (once)",
    "dequantize": "De-quantizing the model (once)",
    "merge": "Merging the adapter into its base (once)",
}

WithoutGpu = Annotated[
    str | None,
    typer.Option(help="Model when MMHIE_REASONER_MODEL is not set and no GPU is visible."),
]


def serve(without_gpu: WithoutGpu = None) -> None:
    """Start the engine and the gateway, and keep them up."""
    try:
        asyncio.run(serve_until_stopped(dict(os.environ), without_gpu))
    except asyncio.CancelledError:
        raise ToldToStop("Stopped before the model was ready.") from None


async def serve_until_stopped(environ: Mapping[str, str], without_gpu: str | None) -> None:
    """The whole life of one service. Raises LauncherError."""
    on_signals({number: task_of_this().cancel for number in (signal.SIGINT, signal.SIGTERM)})
    chosen = load(environ, without_gpu)
    premises.check_gateway()
    premises.check_port(chosen.host, chosen.port)
    premises.check_room(chosen.cache_dir)
    display = Display(Console(stderr=True))
    with log_file(display, chosen) as file, private_folder() as folder:
        try:
            plan = await prepared_plan(chosen, environ, display, file)
            await supervise(Service(chosen, plan, folder, file, display), environ)
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
def log_file(display: Display, chosen: LauncherSettings) -> Iterator[TextIO]:
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


async def prepared_plan(
    chosen: LauncherSettings, environ: Mapping[str, str], display: Display, file: TextIO
) -> EnginePlan:
    """What to run; a checkpoint that has to be made first is made. Raises LauncherError."""
    plan = plan_of(chosen)
    if plan.preparation is None:
        return plan
    sentence = PREPARING[plan.preparation]

    def hear(line: str) -> None:
        file.write(f"prepare | {line}\n")
        display.step(sentence, readiness.percent(line))

    display.step(sentence, None)
    if plan.preparation == "merge":
        folder = await merging.in_child(chosen, plan, environ, hear)
    else:
        convert = gguf.converter(environ, hear)
        folder = await gguf.checkpoint(source_of(plan), chosen.cache_dir, convert)
    display.done()
    return plan_of(chosen, prepared=folder)


def plan_of(chosen: LauncherSettings, prepared: Path | None = None) -> EnginePlan:
    """The plan for this machine. Raises LauncherError."""
    installed = installation.detect()
    if installed.engine is None:
        raise MissingPackage("No vLLM is installed here: run `make run`, or `pip install vllm`.")
    model = checkpoint.read_model(chosen, prepared=prepared)
    return make_plan(chosen, hardware.detect(), model, installed)


def source_of(plan: EnginePlan) -> Path:
    """The GGUF file the checkpoint is made from."""
    return embedded.find() if plan.preparation == "embedded" else Path(plan.model.source)


@dataclass(frozen=True, slots=True)
class Service:
    """What one run of the service is made of."""

    settings: LauncherSettings
    plan: EnginePlan
    folder: Path
    file: TextIO
    display: Display

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
    phase_file = PhaseFile(service.folder / "phase.json", unchanging(service))
    publish = Publisher(service, phase_file)
    supervisor = Supervisor(programs(service, environ, phase_file.path), limits, publish)
    patience = service.settings.stop_grace_seconds
    on_signals(
        {
            signal.SIGTERM: partial(supervisor.stop, patience),
            signal.SIGINT: partial(supervisor.stop, min(patience, INTERRUPT_GRACE_S)),
        }
    )
    await supervisor.run()


def unchanging(service: Service) -> Facts:
    override = service.settings.reasoner_model_test_override is not None
    version = installation.detect().version
    return facts(service.plan, engine_version=version, test_override=override)


def programs(service: Service, environ: Mapping[str, str], phase_file: Path) -> Programs:
    """The two commands, with a key that only they know."""
    key = secrets.token_urlsafe(32)
    engine_socket = service.folder / "engine.sock"
    gateway_env = environment.for_gateway(
        environ,
        socket=engine_socket,
        key=key,
        phase_file=phase_file,
        model=service.settings.reasoner_model,
    )
    return Programs(
        engine=Command(
            (*service.plan.argv, "--uds", str(engine_socket), "--disable-uvicorn-access-log"),
            environment.for_engine(environ, service.plan.env, key),
        ),
        gateway=Command((sys.executable, "-m", "gateway"), gateway_env),
        socket=engine_socket,
        engine_log=log.prefixed("engine", service.file),
        gateway_log=log.prefixed("gateway", service.file),
    )


class Publisher:
    """Every phase goes to the phase file and to the person; the first ready brings the banner."""

    def __init__(self, service: Service, phase_file: PhaseFile) -> None:
        self._service = service
        self._file = phase_file
        self._shown: Phase | None = None
        self._has_greeted = False

    def __call__(self, phase: Phase) -> None:
        self._file.write(phase)
        if phase == self._shown:
            return
        self._shown = phase
        if phase.name == "ready" and not self._has_greeted:
            self._greet()
        else:
            self._service.display.step(phase.detail, phase.progress)

    def _greet(self) -> None:
        self._has_greeted = True
        for warning in self._service.plan.warnings:
            self._service.display.done(f"Warning: {warning}")
        address = self._service.address
        model = self._service.plan.served_model
        self._service.display.done(banner(model=model, address=address, python=sys.executable))
