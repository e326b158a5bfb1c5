"""`mmhie serve`: engine and gateway, from the settings to a clean stop."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer

from gateway.settings.base import local_url
from launcher import settings
from launcher.checkpoints import preparation
from launcher.checkpoints.preparation import Plans
from launcher.cli.publisher import Publisher
from launcher.errors import LauncherError, ToldToStop
from launcher.models.families import DISPLAY_NAMES
from launcher.planning import hardware, start_times
from launcher.planning.hardware import Hardware
from launcher.process.child import Listener, prefixed
from launcher.process.parent_death_guard import close_to_others, end_with_parent
from launcher.serving import engine_judge, preflight, router
from launcher.serving.engine_supervisor import EngineProgram, RestartPolicy
from launcher.serving.programs import (
    EnginePlace,
    RunFiles,
    engine_places,
    engine_program,
    programs,
)
from launcher.serving.supervisor import NOT_READY, Supervisor
from launcher.settings import LauncherSettings
from launcher.terminal.progress import ProgressDisplay, banner

# A person at the keyboard waits less long than an orchestrator.
INTERRUPT_GRACE_S = 8.0
PARENT_GRACE_S = 20.0

WithoutGpu = Annotated[
    str | None,
    typer.Option(help="Model without a GPU, if MMHIE_REASONER_MODEL is not set."),
]
WithParent = Annotated[
    bool,
    typer.Option(
        "--with-parent",
        help="End when standard input ends; log to a file. For programs that start this one.",
    ),
]


def serve(
    without_gpu: WithoutGpu = None,
    with_parent: WithParent = False,
) -> None:
    """Start and supervise the engine and the gateway."""
    if with_parent:
        end_with_parent(PARENT_GRACE_S)
    run(serve_until_stopped(dict(os.environ), without_gpu, to_log=with_parent))


def run(work: Coroutine[None, None, None]) -> None:
    """Do this work, which a signal cancels while it has started nothing. Raises LauncherError."""
    # No core dumps: the memory of the engine holds prompts, and its processes inherit the limit.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    close_to_others()  # our environment holds keys, which an engine of this user could read
    try:
        asyncio.run(cancellable(work))
    except asyncio.CancelledError:
        raise ToldToStop(NOT_READY) from None
    finally:  # the loop has restored the default, which would end this process as "killed"
        signal.signal(signal.SIGTERM, lambda *_: None)


async def cancellable(work: Coroutine[None, None, None]) -> None:
    """Do this work; signals cancel it until it sets other actions for them."""
    if task := asyncio.current_task():
        on_signals(task.cancel, task.cancel)
    await work


def on_signals(terminate: Callable[[], object], interrupt: Callable[[], object]) -> None:
    """Replace the actions of SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, terminate)
    loop.add_signal_handler(signal.SIGINT, interrupt)


async def serve_until_stopped(
    environ: Mapping[str, str], without_gpu: str | None, *, to_log: bool
) -> None:
    """Run one service from its settings to a clean stop. Raises LauncherError."""
    chosen, machine = load_settings(environ, without_gpu)
    preflight.refuse_certificate(chosen)
    preflight.load_gateway()
    preflight.check_port(chosen.host, chosen.port)
    preflight.check_room(chosen.cache_dir)
    if (chosen.engines or 1) > 1 or len(chosen.engine_urls) > 1:
        router.check_installed()
    display = ProgressDisplay(sys.stderr)
    if to_log or display.is_terminal:
        display.log = chosen.cache_dir / "logs" / f"serve-{chosen.port}.log"
    opened = open_log(display.log) if display.log else contextlib.nullcontext(sys.stderr)
    with opened as log, make_private_folder() as folder:
        try:
            plans = preparation.plans_of(chosen, machine)
            preflight.check_shared_memory(plans)
            await supervise(chosen, plans, environ, RunFiles(folder, log), display)
        except LauncherError as error:
            if error.exit_code and display.log:
                display.done(f"The log of this run is {display.log}.")
            raise


def load_settings(
    environ: Mapping[str, str], without_gpu: str | None
) -> tuple[LauncherSettings, Hardware | None]:
    """Load the settings, with the stand-in model if neither a model nor a GPU is there; return the
    machine too, if its GPUs were looked for."""
    chosen = settings.load(environ)
    if not without_gpu or "reasoner_model" in chosen.model_fields_set:
        return chosen, None
    machine = hardware.detect()
    if machine.gpus:
        return chosen, machine
    return chosen.model_copy(update={"reasoner_model": without_gpu}), machine


def open_log(path: Path) -> TextIO:
    """Open a new log file and rename the old one. Raises LauncherError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.replace(path.with_suffix(".old"))
        path.touch(mode=0o600)
        return path.open("w", buffering=1)
    except OSError as error:
        raise LauncherError(f"The log {path} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def make_private_folder() -> Iterator[Path]:
    """Make a folder for the sockets and the status file; sockets want a short path."""
    with tempfile.TemporaryDirectory(prefix="mmhie-") as folder:
        yield Path(folder)


def make_restart_policy(chosen: LauncherSettings, plans: Plans) -> RestartPolicy:
    """The supervision of each engine as set, with more time to start for large models."""
    limits = (start_times.start_limit_s(plan) for plan in plans)
    return RestartPolicy(
        start_s=max(limits, default=chosen.start_timeout_seconds),
        stall_s=chosen.stall_seconds,
        restarts=chosen.restart_limit,
    )


async def supervise(
    chosen: LauncherSettings,
    plans: Plans,
    environ: Mapping[str, str],
    files: RunFiles,
    display: ProgressDisplay,
) -> None:
    """Run until a stop is requested. Raises ProgramFailed and StartError."""
    log = prefixed("launcher", files.log) if display.is_terminal else lambda line: None
    greeting = make_greeting(chosen, plans)
    publish = Publisher(files.status_file, display, plans, environ, log=log, greeting=greeting)
    places = engine_places(len(plans), files)
    parts = programs(chosen, plans, places, environ, files)
    prepare = partial(
        prepare_engines, plans, places, environ, publish, prefixed("prepare", files.log)
    )
    supervisor = Supervisor(parts, prepare, make_restart_policy(chosen, plans), publish)
    stop_on_signals(supervisor.stop, chosen.stop_grace_seconds)
    await supervisor.run()


async def prepare_engines(
    plans: Plans,
    places: Sequence[EnginePlace],
    environ: Mapping[str, str],
    publish: Publisher,
    log: Listener,
) -> tuple[EngineProgram, ...]:
    """Fetch and make what engines load, while vLLM judges the plans; return the engines."""
    if preparation.needs_preparation(plans):
        async with publish.repeat():
            work = preparation.prepare(plans, environ, publish.step, log)
            plans = await engine_judge.beside(work, plans[0], environ)
        publish.use(plans)
    pairs = zip(plans, places, strict=True)
    return tuple(engine_program(plan, place, environ) for plan, place in pairs)


def make_greeting(chosen: LauncherSettings, plans: Plans) -> str:
    """Return the first commands to try once the model is ready."""
    model = plans[0].model.id if plans else chosen.model
    address = local_url(chosen.host, chosen.port)
    name, has_keys = DISPLAY_NAMES.get(model, model), preflight.asks_for_keys()
    return banner(name, address, sys.argv[0], has_keys=has_keys)


def stop_on_signals(stop: Callable[[float], None], grace_s: float) -> None:
    """Ask for a stop on SIGTERM, and for a faster one on SIGINT."""
    on_signals(partial(stop, grace_s), partial(stop, min(grace_s, INTERRUPT_GRACE_S)))
