"""`mmhie engine`: the engine alone, on TCP, behind a gateway in another container.

Settings and plan are those of `mmhie serve`; restarting is left to whatever runs the container.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import typer
from rich.console import Console

from launcher.checkpoints import preparation
from launcher.cli import serve
from launcher.errors import SettingsError
from launcher.planning import installation
from launcher.planning.plan import EnginePlan
from launcher.process import log
from launcher.process.child import Child, Command
from launcher.serving import engine_supervisor, environment, startup_log
from launcher.serving.status_file import Phase, StatusFile, facts
from launcher.settings import LauncherSettings
from launcher.terminal.progress import ProgressDisplay

HOST, PORT = "0.0.0.0", 8001  # noqa: S104  # compose puts it on a network without a way out
LOOK_EVERY_S = 1.0
PATIENCE_S = 4.0


def engine(as_json: serve.AsJsonLines = False) -> None:
    """Run the engine alone on port 8001, for a gateway in another container; ends as it does."""
    raise typer.Exit(asyncio.run(run(dict(os.environ), serve.tell if as_json else serve.silent)))


async def run(environ: Mapping[str, str], teller: serve.Teller = serve.silent) -> int:
    """The engine's exit status. Raises LauncherError."""
    key = needed(environ, "MMHIE_ENGINE_API_KEY", "the key that the gateway sends")
    path = Path(needed(environ, "MMHIE_PHASE_FILE", "a file that the gateway reads too"))
    chosen = serve.load(environ, None)
    display = ProgressDisplay(Console(stderr=True))
    hear = log.prefixed("prepare", sys.stderr)
    plans = preparation.plans_of(chosen)
    if len(plans) != 1:
        raise SettingsError(
            "MMHIE_ENGINES must be 1 here, and MMHIE_ENGINE_URLS unset: start a container for each "
            "engine."
        )
    (plan,) = await preparation.prepared(plans, environ, display.step, hear)
    display.done()
    for warning in plan.warnings:
        display.done(f"Warning: {warning}")
    command = Command(argv(plan), environment.for_engine(environ, plan.env, key))
    phases = phase_file(path, chosen, plan)
    return await watch(command, phases, chosen.stop_grace_seconds, teller)


def needed(environ: Mapping[str, str], name: str, meaning: str) -> str:
    """The variable's value; SettingsError when it is blank."""
    if environ.get(name):
        return environ[name]
    raise SettingsError(f"{name} is not set and the engine alone needs it: {meaning}.")


def argv(plan: EnginePlan) -> tuple[str, ...]:
    where = ("--host", HOST, "--port", str(PORT), "--disable-uvicorn-access-log")
    return (*plan.argv, *where)


def phase_file(path: Path, chosen: LauncherSettings, plan: EnginePlan) -> StatusFile:
    """The gateway learns the public model from it: an adapter's base must not be taken for it."""
    override = chosen.reasoner_model_test_override is not None
    version = installation.detect().version
    return StatusFile(path, facts(plan, engine_version=version, test_override=override))


def is_healthy(port: int) -> bool:
    """Whether the engine answers."""
    connection = http.client.HTTPConnection("localhost", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def watch(
    command: Command, phases: StatusFile, grace_s: float, teller: serve.Teller = serve.silent
) -> int:
    """Publish the phase until the engine has ended; SIGTERM and SIGINT end it."""
    seen = [startup_log.BEGIN]

    def hear(line: str) -> None:
        seen.append(startup_log.furthest(seen.pop(), line))
        print(line, file=sys.stderr)  # noqa: T201  # the container's log

    child = Child(command, hear)
    told: Phase | None = None
    stops: list[asyncio.Task[int]] = []

    def stop() -> None:
        stops.append(asyncio.create_task(child.stop(grace_s)))

    serve.on_signals({signal.SIGTERM: stop, signal.SIGINT: stop})
    while child.is_running:
        is_ready = await asyncio.to_thread(is_healthy, PORT)
        phase = engine_supervisor.READY if is_ready else engine_supervisor.start_phase(seen[-1])
        if trouble := phases.write(phase):
            print(f"Warning: {trouble}", file=sys.stderr)  # noqa: T201  # the container's log
        if phase != told:
            teller(phase)
        told = phase
        await asyncio.sleep(LOOK_EVERY_S)
    return await child.wait()
