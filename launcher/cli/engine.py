"""`mmhie engine`: the engine alone, on TCP, behind a gateway in another container.

Settings, plan and supervision are those of `mmhie serve`. A failure that a restart here cannot
mend ends the container with an exit code of its own.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from launcher.checkpoints import preparation
from launcher.checkpoints.preparation import Plans
from launcher.cli import serve
from launcher.errors import EngineOutOfMemory, SettingsError, ToldToStop
from launcher.process.child import prefixed
from launcher.process.parent_death_guard import close_to_others
from launcher.process.restarts import Stop
from launcher.serving import engine_judge, preflight
from launcher.serving.engine_supervisor import EngineProgram, EngineSupervisor, RestartPolicy
from launcher.serving.programs import engine_command, engine_program
from launcher.serving.status_file import Phase, StatusFile, engine_facts
from launcher.settings import load
from launcher.terminal.progress import ProgressDisplay

HOST, PORT = "0.0.0.0", 8001  # noqa: S104  # compose puts it on a network without a way out

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def engine(port: Port = PORT, as_json: serve.AsJsonLines = False) -> None:
    """Run only the engine, for a gateway in another container."""
    try:
        asyncio.run(run_engine(dict(os.environ), serve.make_reporter(as_json=as_json), port))
    except asyncio.CancelledError:
        raise ToldToStop("Stopped before the model was ready.") from None


async def run_engine(environ: Mapping[str, str], report: serve.Report, port: int) -> None:
    """Run the engine until a stop is requested. Raises LauncherError."""
    close_to_others()
    serve.cancel_on_signals()
    key = require_variable(environ, "MMHIE_ENGINE_API_KEY", "the key that the gateway sends")
    path = Path(require_variable(environ, "MMHIE_PHASE_FILE", "a file that the gateway reads too"))
    chosen = load(environ)
    scheme = preflight.engine_scheme(chosen)
    display = ProgressDisplay(sys.stderr)
    alone = chosen.model_copy(update={"engines": chosen.engines or 1})
    plans = preparation.plans_of(alone)
    if len(plans) != 1:
        raise SettingsError(
            "MMHIE_ENGINES must be 1 here, and MMHIE_ENGINE_URLS unset: start a container for each "
            "engine."
        )
    preflight.check_shared_memory(plans)
    # The gateway learns the public model from it: an adapter's base must not be taken for it.
    status_file = StatusFile(path, engine_facts(plans, environ))
    publish = make_publisher(status_file, report)
    plans = await prepare(plans, environ, display, publish)
    status_file.facts = engine_facts(plans, environ)
    plan = plans[0]
    for warning in plan.warnings:
        display.done(f"Warning: {warning}")
    command = engine_command(plan, environ, f"{scheme}://{HOST}:{port}", key)
    program = engine_program(plan, command, f"{scheme}://127.0.0.1:{port}", write_line)
    stop = Stop(chosen.stop_grace_seconds)
    serve.stop_on_signals(stop.request, chosen.stop_grace_seconds)
    await supervise(program, serve.make_restart_policy(chosen, plans), publish, stop)


async def prepare(
    plans: Plans,
    environ: Mapping[str, str],
    display: ProgressDisplay,
    publish: Callable[[Phase], None],
) -> Plans:
    """Fetch and make what the engine loads, while vLLM judges the plans; return them completed."""

    def step(sentence: str, fraction: float | None) -> None:
        display.step(sentence, fraction)
        publish(Phase("loading", f"{sentence}.", fraction))

    if not preparation.needs_preparation(plans):
        return plans
    work = preparation.prepare(plans, environ, step, prefixed("prepare", sys.stderr))
    return await engine_judge.beside(work, plans, environ)


def require_variable(environ: Mapping[str, str], name: str, meaning: str) -> str:
    """Return the variable's value. Raises SettingsError if it is blank."""
    if environ.get(name):
        return environ[name]
    raise SettingsError(f"{name} is not set and the engine alone needs it: {meaning}.")


def make_publisher(status_file: StatusFile, report: serve.Report) -> Callable[[Phase], None]:
    """Return a function that writes each phase to the status file, and reports changes."""
    last: Phase | None = None

    def publish(phase: Phase) -> None:
        nonlocal last
        if problem := status_file.write(phase):
            write_line(f"Warning: {problem}")
        if phase != last:
            report(phase)
        last = phase

    return publish


async def supervise(
    program: EngineProgram, policy: RestartPolicy, publish: Callable[[Phase], None], stop: Stop
) -> None:
    """Keep the engine running until a stop is requested. Raises LauncherError.

    Out of memory, it waits to be stopped, so that the container is not started again and again.
    """
    supervisor = EngineSupervisor(program, policy, stop, publish)
    try:
        await supervisor.run()
    except EngineOutOfMemory as error:
        publish(Phase("engine_down", str(error)))
        write_line(f"{error} Nothing is tried again until this container is started anew.")
        await stop.requested.wait()
        raise typer.Exit(error.exit_code) from error
    finally:
        await supervisor.end(stop.grace_s)


def write_line(line: str) -> None:
    """Write to standard error, the container's log."""
    sys.stderr.write(f"{line}\n")
