"""`mmhie serve`: engine and gateway, from the settings to a clean stop."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
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
from launcher.serving.programs import RunFiles, programs, replan_engines
from launcher.serving.supervisor import Prepare, Supervisor
from launcher.settings import LauncherSettings
from launcher.terminal.progress import ProgressDisplay, banner

# A person at the keyboard waits less long than an orchestrator.
INTERRUPT_GRACE_S = 8.0
PARENT_GRACE_S = 20.0

WithoutGpu = Annotated[
    str | None,
    typer.Option(help="Model without a GPU, if MMHIE_REASONER_MODEL is not set."),
]
Engines = Annotated[int | None, typer.Option(help="Number of engines; default: MMHIE_ENGINES.")]
WithParent = Annotated[
    bool,
    typer.Option(
        "--with-parent",
        help="End when standard input ends; log to a file. For programs that start this one.",
    ),
]


def serve(
    without_gpu: WithoutGpu = None,
    engines: Engines = None,
    with_parent: WithParent = False,
) -> None:
    """Start and supervise the engine and the gateway."""
    if with_parent:
        end_with_parent(PARENT_GRACE_S)
    environ = dict(os.environ) | ({"MMHIE_ENGINES": str(engines)} if engines else {})
    # No core dumps: the memory of the engine holds prompts, and its processes inherit the limit.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        asyncio.run(serve_until_stopped(environ, without_gpu, to_log=with_parent))
    except asyncio.CancelledError:
        raise ToldToStop("Stopped before the model was ready.") from None
    finally:  # the loop has restored the default, which would end this process as "killed"
        signal.signal(signal.SIGTERM, lambda *_: None)


async def serve_until_stopped(
    environ: Mapping[str, str], without_gpu: str | None, *, to_log: bool
) -> None:
    """Run one service from its settings to a clean stop. Raises LauncherError."""
    close_to_others()  # our environment holds keys, which an engine of this user could read
    cancel_on_signals()
    chosen, machine = load_settings(environ, without_gpu)
    preflight.refuse_certificate(chosen)
    preflight.load_gateway()
    preflight.check_port(chosen.host, chosen.port)
    preflight.check_room(chosen.cache_dir)
    if (chosen.engines or 1) > 1 or len(chosen.engine_urls) > 1:
        router.check_installed()
    display = ProgressDisplay(sys.stderr)
    to_log = to_log or display.is_terminal
    with open_log(display, chosen, to_log=to_log) as file, make_private_folder() as folder:
        try:
            plans = preparation.plans_of(chosen, machine)
            preflight.check_shared_memory(plans)
            files = RunFiles(folder, file)
            log = prefixed("launcher", file) if display.is_terminal else lambda line: None
            greeting = make_greeting(chosen, plans)
            path = files.status_file
            publish = Publisher(path, display, plans, environ, log=log, greeting=greeting)
            await supervise(chosen, plans, environ, files, publish)
        except LauncherError as error:
            if error.exit_code and display.log:
                display.done(f"The log of this run is {display.log}.")
            raise


def cancel_on_signals() -> None:
    """Let signals cancel this task while nothing has been started."""
    if task := asyncio.current_task():
        on_signals({number: task.cancel for number in (signal.SIGINT, signal.SIGTERM)})


def on_signals(actions: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """Replace the actions of these signals."""
    for number, action in actions.items():
        asyncio.get_running_loop().add_signal_handler(number, action)


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


@contextlib.contextmanager
def open_log(
    display: ProgressDisplay, chosen: LauncherSettings, *, to_log: bool
) -> Iterator[TextIO]:
    """Open a new log file and rename the old one; without `to_log`, use standard error.

    Raises LauncherError.
    """
    if not to_log:
        yield sys.stderr
        return
    path = chosen.cache_dir / "logs" / f"serve-{chosen.port}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.replace(path.with_suffix(".old"))
        path.touch(mode=0o600)
        file = path.open("w", buffering=1)
    except OSError as error:
        raise LauncherError(f"The log {path} cannot be written: {error.strerror}.") from error
    display.log = path
    with file:
        yield file


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
    publish: Publisher,
) -> None:
    """Run until a stop is requested. Raises ProgramFailed and StartError."""
    parts = programs(chosen, plans, environ, files)

    def make_programs(plans: Plans) -> tuple[EngineProgram, ...]:
        return replan_engines(parts.engines, plans, environ)

    log = prefixed("prepare", files.log)
    prepare = make_preparation(plans, environ, publish, log, make_programs)
    supervisor = Supervisor(parts, make_restart_policy(chosen, plans), publish, prepare)
    stop_on_signals(supervisor.stop, chosen.stop_grace_seconds)
    await supervisor.run()


def make_preparation(
    plans: Plans,
    environ: Mapping[str, str],
    publish: Publisher,
    log: Listener,
    make_programs: Callable[[Plans], tuple[EngineProgram, ...]],
) -> Prepare | None:
    """Return what fetches and makes what engines load, while vLLM judges the plans; None where
    everything is here."""

    async def prepare() -> tuple[EngineProgram, ...]:
        async with publish.repeat():
            work = preparation.prepare(plans, environ, publish.step, log)
            made = await engine_judge.beside(work, plans, environ)
        publish.use(made)
        return make_programs(made)

    return prepare if preparation.needs_preparation(plans) else None


def make_greeting(chosen: LauncherSettings, plans: Plans) -> str:
    """Return the first commands to try once the model is ready."""
    model = plans[0].model.id if plans else chosen.model
    address = local_url(chosen.host, chosen.port)
    name, has_keys = DISPLAY_NAMES.get(model, model), preflight.asks_for_keys()
    return banner(name, address, sys.argv[0], has_keys=has_keys)


def stop_on_signals(stop: Callable[[float], None], grace_s: float) -> None:
    """Ask for a stop on SIGTERM, and for a faster one on SIGINT."""
    on_signals(
        {
            signal.SIGTERM: partial(stop, grace_s),
            signal.SIGINT: partial(stop, min(grace_s, INTERRUPT_GRACE_S)),
        }
    )
