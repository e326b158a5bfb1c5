"""`mmhie engine`: the engine alone, for a gateway in another container.

Supervised as by `mmhie serve`, except that a failed GPU ends it, and out of memory it waits to be
stopped, so that an orchestrator does not start it again and again.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from launcher.checkpoints import preparation
from launcher.checkpoints.preparation import Plans
from launcher.cli import serve
from launcher.cli.publisher import Publisher
from launcher.errors import EngineOutOfMemory, SettingsError
from launcher.process.child import prefixed
from launcher.serving import preflight
from launcher.serving.programs import EnginePlace
from launcher.serving.status_file import Phase
from launcher.serving.supervisor import Programs, Supervisor
from launcher.settings import LauncherSettings, load
from launcher.terminal.progress import ProgressDisplay

HOST, PORT = "0.0.0.0", 8001  # noqa: S104  # compose puts it on a network without a way out

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def engine(port: Port = PORT) -> None:
    """Run only the engine, for a gateway in another container."""
    serve.run(run_engine(dict(os.environ), port))


async def run_engine(environ: Mapping[str, str], port: int) -> None:
    """Run the engine until a stop is requested. Raises LauncherError."""
    key = require_variable(environ, "MMHIE_ENGINE_API_KEY", "the key that the gateway sends")
    path = Path(require_variable(environ, "MMHIE_PHASE_FILE", "a file that the gateway reads too"))
    chosen = load(environ)
    scheme = preflight.engine_scheme(chosen)
    plans = plan_one(chosen)
    # The gateway learns the public model from it: an adapter's base must not be taken for it.
    publish = Publisher(path, ProgressDisplay(sys.stderr), plans, environ)
    places = (EnginePlace(f"{scheme}://127.0.0.1:{port}", key, write_line, HOST),)
    log = prefixed("prepare", sys.stderr)
    prepare = partial(serve.prepare_engines, plans, places, environ, publish, log)
    policy = serve.make_restart_policy(chosen, plans)
    supervisor = Supervisor(Programs(), prepare, policy, publish)
    await run_until_stopped(supervisor, publish, chosen.stop_grace_seconds)


def plan_one(chosen: LauncherSettings) -> Plans:
    """Return the plan of the one engine. Raises LauncherError."""
    plans = preparation.plans_of(chosen.model_copy(update={"engines": chosen.engines or 1}))
    if len(plans) != 1:
        raise SettingsError(
            "MMHIE_ENGINES must be 1 here, and MMHIE_ENGINE_URLS unset: start a container for each "
            "engine."
        )
    preflight.check_shared_memory(plans)
    return plans


def require_variable(environ: Mapping[str, str], name: str, meaning: str) -> str:
    """Return the variable's value. Raises SettingsError if it is blank."""
    if environ.get(name):
        return environ[name]
    raise SettingsError(f"{name} is not set and the engine alone needs it: {meaning}.")


async def run_until_stopped(supervisor: Supervisor, publish: Publisher, grace_s: float) -> None:
    """Keep the engine running until a stop is requested. Raises LauncherError."""
    asked = asyncio.Event()

    def stop(seconds: float) -> None:
        asked.set()
        supervisor.stop(seconds)

    serve.stop_on_signals(stop, grace_s)
    try:
        await supervisor.run()
    except EngineOutOfMemory as error:
        publish(Phase("engine_down", str(error)))
        write_line(f"{error} Nothing is tried again until this container is started anew.")
        await asked.wait()
        raise typer.Exit(error.exit_code) from error


def write_line(line: str) -> None:
    """Write to standard error, the container's log."""
    sys.stderr.write(f"{line}\n")
