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
from typing import Annotated, Any

import typer
from rich.console import Console

from gateway import settings as gateway_settings
from gateway.cli.command import AsJson, put
from launcher import settings
from launcher.acceptance import page, report, run
from launcher.acceptance.check import Finding
from launcher.acceptance.service import Service
from launcher.cli.serve import on_signals
from launcher.errors import LauncherError
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
            text = asyncio.run(accepted(dict(os.environ), Run(out, quick, as_json)))
        except asyncio.CancelledError:
            raise NotAccepted("Stopped before the report was written.") from None
        found = report.read(text)
        saved(out, text)
        if as_json:
            sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        if not found["has_passed"]:
            raise NotAccepted(found["verdict"])
        if not as_json:
            sys.stdout.write(f"{found['verdict']} {out} and {page_of(out)} have the report.\n")


@dataclass(frozen=True, slots=True)
class Run:
    """The options of one run."""

    out: Path
    is_quick: bool
    as_json: bool


async def accepted(environ: Mapping[str, str], options: Run) -> str:
    """Return the signed report. Raises LauncherError."""
    close_to_others()
    if task := asyncio.current_task():  # the engine has to be ended first
        on_signals(dict.fromkeys((signal.SIGINT, signal.SIGTERM), task.cancel))
    chosen = settings.load(environ)
    preflight.check_gateway()
    preflight.check_room(chosen.cache_dir)
    writable(options.out)
    display = ProgressDisplay(Console(stderr=True))

    def seen(finding: Finding, so_far: dict[str, Any]) -> None:
        written(part_of(options.out), json.dumps(so_far))
        if not options.as_json:
            display.done()
            figures = f" ({finding.measured})" if finding.measured else ""
            said = f"{finding.check:<17}  {finding.sentence}{figures}"
            sys.stdout.write(f"{MARKS[finding.outcome]}  {said}\n")
            sys.stdout.flush()

    def begun(check: str, fraction: float) -> None:
        display.step(f"Checking {check}", fraction)

    with tempfile.TemporaryDirectory(prefix="mmhie-accept-") as name, finished(display):
        service = Service(environ, Path(name), display.step, quick=options.is_quick)
        try:
            target = await service.start(chosen)
            measured = await run.measured(target, unfinished(options.out), begun, seen)
            if not all(one["outcome"] != "failed" for one in measured["findings"]):
                written(options.out.with_suffix(".log"), target.log.read_text(errors="replace"))
        finally:
            await service.close()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return report.signed(report.document(measured, now), audit_key())


@contextlib.contextmanager
def finished(display: ProgressDisplay) -> Iterator[None]:
    """End the progress bar however the run ends."""
    try:
        yield
    finally:
        display.done()


def audit_key() -> str | None:
    """Return MMHIE_AUDIT_KEY, with which reports are signed."""
    key = gateway_settings.load().audit_key
    return key.get_secret_value() if key else None


def page_of(out: Path) -> Path:
    """Return where the page of a report is written."""
    return out.with_suffix(".html")


def part_of(out: Path) -> Path:
    """Return where an interrupted run leaves what it measured, for the next one to go on from."""
    return out.with_name(f"{out.name}.part")


def unfinished(out: Path) -> dict[str, Any]:
    """Return what an interrupted run measured; empty when there was none."""
    try:
        found = json.loads(part_of(out).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def writable(out: Path) -> None:
    """Raise LauncherError before a run of minutes whose report nobody could write."""
    if not os.access(out.parent, os.W_OK) or out.suffix == ".html":
        raise LauncherError(f"{out} cannot be written: name a .json file in a folder of yours.")


def saved(out: Path, text: str) -> None:
    """Write the report and its page. Raises LauncherError."""
    written(out, text)
    written(page_of(out), page.html(text))
    part_of(out).unlink(missing_ok=True)


def written(path: Path, text: str) -> None:
    """Write a file. Raises LauncherError."""
    try:
        path.write_text(text)
    except OSError as error:
        raise LauncherError(f"{path} cannot be written: {error.strerror}.") from None


def verify(file: File, as_json: AsJson = False) -> None:
    """Verify that a report, or its page, is as it was written; exit code 1 if it is not."""
    found = verified(file)
    sentence = f"The report is as it was written on {found['time']}. {found['verdict']}"
    put(sentence, {"genuine": True, **summary(found)}, as_json=as_json)


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report's outcome for a program."""
    return {name: found[name] for name in ("time", "has_passed", "verdict")}


def verified(file: Path) -> dict[str, Any]:
    """Return the content of a report or a page. Raises LauncherError."""
    try:
        written = file.read_text()
    except (OSError, UnicodeDecodeError):
        raise LauncherError(f"{file} cannot be read: name an acceptance report.") from None
    is_page = file.suffix == ".html"
    text = page.text_in(written) if is_page else written
    found = report.verify(text, audit_key())
    if is_page and page.html(text) != written:
        raise report.ReportDamaged(
            "The figures in the page are as they were written, and the page around them is not, "
            "or is another version's."
        )
    return found
