"""`mmhie engine`: the engine alone, on TCP, behind a gateway in another container.

Settings and plan are those of `mmhie serve`; restarting is left to whatever runs the container.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import typer
from rich.console import Console

from launcher.checkpoints import preparation
from launcher.cli import serve
from launcher.errors import SettingsError
from launcher.process.child import Child, Command, prefixed
from launcher.process.stop import Stop
from launcher.serving import startup_log
from launcher.serving.engine_supervisor import READY, start_phase
from launcher.serving.probe import Probe
from launcher.serving.programs import engine_command
from launcher.serving.status_file import Phase, StatusFile, engine_facts
from launcher.terminal.progress import ProgressDisplay

HOST, PORT = "0.0.0.0", 8001  # noqa: S104  # compose puts it on a network without a way out
HEALTH_EVERY_S = 1.0


def engine(as_json: serve.AsJsonLines = False) -> None:
    """Run only the engine, on port 8001, for a gateway in another container."""
    raise typer.Exit(asyncio.run(run(dict(os.environ), serve.reporter(as_json=as_json))))


async def run(environ: Mapping[str, str], report: serve.Report) -> int:
    """Return the engine's exit status. Raises LauncherError."""
    key = needed(environ, "MMHIE_ENGINE_API_KEY", "the key that the gateway sends")
    path = Path(needed(environ, "MMHIE_PHASE_FILE", "a file that the gateway reads too"))
    chosen = serve.load(environ, None)
    display = ProgressDisplay(Console(stderr=True))
    listener = prefixed("prepare", sys.stderr)
    alone = chosen.model_copy(update={"engines": chosen.engines or 1})
    plans = preparation.plans_of(alone)
    if len(plans) != 1:
        raise SettingsError(
            "MMHIE_ENGINES must be 1 here, and MMHIE_ENGINE_URLS unset: start a container for each "
            "engine."
        )
    plans = await preparation.prepared(plans, environ, display.step, listener)
    display.done()
    plan = plans[0]
    for warning in plan.warnings:
        display.done(f"Warning: {warning}")
    command = engine_command(plan, environ, f"http://{HOST}:{PORT}", key)
    # The gateway learns the public model from it: an adapter's base must not be taken for it.
    publish = publisher(StatusFile(path, engine_facts(plans)), report)
    return await run_until_exit(command, publish, chosen.stop_grace_seconds)


def needed(environ: Mapping[str, str], name: str, meaning: str) -> str:
    """Return the variable's value; raise SettingsError when it is blank."""
    if environ.get(name):
        return environ[name]
    raise SettingsError(f"{name} is not set and the engine alone needs it: {meaning}.")


def publisher(status_file: StatusFile, report: serve.Report) -> Callable[[Phase], None]:
    """Return what writes each phase to the status file, and reports each change."""
    last: Phase | None = None

    def publish(phase: Phase) -> None:
        nonlocal last
        if problem := status_file.write(phase):
            print(f"Warning: {problem}", file=sys.stderr)  # noqa: T201  # the container's log
        if phase != last:
            report(phase)
        last = phase

    return publish


async def run_until_exit(command: Command, publish: Callable[[Phase], None], grace_s: float) -> int:
    """Run the engine, publish its phase until it ends, and return its exit status.

    SIGTERM and SIGINT stop it.
    """
    progress = startup_log.BEGIN

    def listener(line: str) -> None:
        nonlocal progress
        progress = startup_log.furthest(progress, line)
        print(line, file=sys.stderr)  # noqa: T201  # the container's log

    stop = Stop(grace_s)
    serve.on_signals(dict.fromkeys((signal.SIGTERM, signal.SIGINT), lambda: stop.request(grace_s)))
    child, probe = Child(command, listener), Probe(f"http://127.0.0.1:{PORT}")
    while child.is_running and not stop.requested.is_set():
        publish(READY if await probe.is_healthy() else start_phase(progress))
        await stop.pause(HEALTH_EVERY_S)
    await probe.close()
    return await child.stop(grace_s) if stop.requested.is_set() else await child.wait()
