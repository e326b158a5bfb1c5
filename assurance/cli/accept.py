"""`mmhie accept`: start the service, measure and judge it, and write a signed report."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from assurance.acceptance import report, run
from assurance.acceptance.check import Finding
from assurance.acceptance.page import REPORT
from assurance.acceptance.service import ServiceStarter
from assurance.reports.report import audit_key, refuse_unwritable, write
from gateway.cli.command import AsJson, put
from launcher import settings
from launcher.cli.serve import on_signals
from launcher.errors import LauncherError
from launcher.json_types import Json
from launcher.process.parent_death_guard import close_to_others
from launcher.serving import preflight
from launcher.terminal.progress import ProgressDisplay

MARKS = {"passed": "passed        ", "failed": "FAILED        ", "not applicable": "not applicable"}

Quick = Annotated[
    bool, typer.Option("--quick", help="Less load, and nothing that takes a second start.")
]
Out = Annotated[Path, typer.Option(help="Report to write; the page has the same name, `.html`.")]
File = Annotated[Path, typer.Argument(help="Report, as JSON or as page.")]


class NotAccepted(LauncherError):
    """At least one check failed."""

    exit_code = 1


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
            text = asyncio.run(accepted(dict(os.environ), AcceptanceRun(out, quick, as_json)))
        except asyncio.CancelledError:
            raise NotAccepted("Stopped before the report was written.") from None
        report, sentence = REPORT.signature.read(text), REPORT.save(out, text)
        part_of(out).unlink(missing_ok=True)
        if as_json or report["has_passed"]:
            put(sentence, report, as_json=as_json)
        if not report["has_passed"]:
            raise NotAccepted(report["verdict"])


@dataclass(frozen=True, slots=True)
class AcceptanceRun:
    """The options of one run."""

    out: Path
    is_quick: bool
    as_json: bool


async def accepted(environ: Mapping[str, str], options: AcceptanceRun) -> str:
    """Return the signed report. Raises LauncherError."""
    close_to_others()
    if task := asyncio.current_task():  # the engine has to be ended first
        on_signals(dict.fromkeys((signal.SIGINT, signal.SIGTERM), task.cancel))
    chosen = settings.load(environ)
    preflight.check_gateway()
    preflight.check_room(chosen.cache_dir)
    refuse_unwritable(options.out)
    display = ProgressDisplay(Console(stderr=True))

    def seen(finding: Finding, so_far: Json) -> None:
        write(part_of(options.out), json.dumps(so_far))
        if not options.as_json:
            display.done()
            figures = f" ({finding.measured})" if finding.measured else ""
            said = f"{finding.check:<17}  {finding.sentence}{figures}"
            sys.stdout.write(f"{MARKS[finding.outcome]}  {said}\n")
            sys.stdout.flush()

    def begun(check: str, fraction: float) -> None:
        display.step(f"Checking {check}", fraction)

    with tempfile.TemporaryDirectory(prefix="mmhie-accept-") as name, finished(display):
        service = ServiceStarter(environ, Path(name), display.step, quick=options.is_quick)
        try:
            target = await service.start(chosen)
            measured = await run.measured(target, unfinished(options.out), begun, seen)
            if not all(finding["outcome"] != "failed" for finding in measured["findings"]):
                write(options.out.with_suffix(".log"), target.log.read_text(errors="replace"))
        finally:
            await service.close()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return REPORT.signature.signed(report.document(measured, now), audit_key())


@contextlib.contextmanager
def finished(display: ProgressDisplay) -> Iterator[None]:
    """End the progress bar however the run ends."""
    try:
        yield
    finally:
        display.done()


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


def verify(file: File, as_json: AsJson = False) -> None:
    """Verify that a report, or its page, is as it was written; exit code 1 if it is not."""
    put(*REPORT.verification(file), as_json=as_json)
