"""`mmhie accept`: start the service, measure and judge it, and write a signed report."""

import asyncio
import json
import os
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from assurance.acceptance import run
from assurance.acceptance.check import Finding
from assurance.acceptance.service import ServiceStarter
from assurance.cli.acceptance_report import NotAccepted, Out, conclude, show
from assurance.reports.report import refuse_unwritable, write
from gateway.cli.command import AsJson
from launcher import settings
from launcher.cli.serve import on_signals
from launcher.json_types import Json
from launcher.process.parent_death_guard import close_to_others
from launcher.serving import preflight
from launcher.terminal.progress import ProgressDisplay

Quick = Annotated[
    bool, typer.Option("--quick", help="Less load, and nothing that takes a second start.")
]


def accept(
    context: typer.Context,
    quick: Quick = False,
    out: Out = Path("acceptance.json"),
    as_json: AsJson = False,
) -> None:
    """Start the service, measure and judge it, and write a signed report; exit code 1 if a check
    fails."""
    if context.invoked_subcommand is None:
        try:
            measured = asyncio.run(accepted(out, is_quick=quick, is_silent=as_json))
        except asyncio.CancelledError:
            raise NotAccepted("Stopped before the report was written.") from None
        conclude(measured, out, as_json=as_json)


async def accepted(out: Path, *, is_quick: bool, is_silent: bool) -> Json:
    """Return what was measured, and how it was judged. Raises LauncherError."""
    close_to_others()
    if task := asyncio.current_task():  # the engine has to be ended first
        on_signals(dict.fromkeys((signal.SIGINT, signal.SIGTERM), task.cancel))
    environ = dict(os.environ)
    chosen = settings.load(environ)
    preflight.load_gateway()
    preflight.check_room(chosen.cache_dir)
    refuse_unwritable(out)
    display = ProgressDisplay(Console(stderr=True))

    def seen(finding: Finding, so_far: Json) -> None:
        write(part_of(out), json.dumps(so_far))
        if not is_silent:
            display.done()
            show(finding)

    def begun(check: str, fraction: float) -> None:
        display.step(f"Checking {check}", fraction)

    with tempfile.TemporaryDirectory(prefix="mmhie-accept-") as name, ExitStack() as undo:
        undo.callback(display.done)
        service = ServiceStarter(environ, Path(name), display.step, quick=is_quick)
        try:
            target = await service.start(chosen)
            earlier = unfinished(out)
            measured = await run.measured(run.CHECKS, target, earlier, begun, seen)
            if any(finding["outcome"] == "failed" for finding in measured["findings"]):
                write(out.with_suffix(".log"), target.log.read_text(errors="replace"))
        finally:
            await service.close()
    part_of(out).unlink(missing_ok=True)
    return measured


def part_of(out: Path) -> Path:
    """Return where an interrupted run leaves what it measured, for the next one to go on from."""
    return out.with_name(f"{out.name}.part")


def unfinished(out: Path) -> Json:
    """Return what an interrupted run measured; empty when there was none."""
    try:
        measured = json.loads(part_of(out).read_text())
    except (OSError, ValueError):
        return {}
    return measured if isinstance(measured, dict) else {}
