"""`mmhie audit verify | export`: what the audit trail proves, and in which form it is handed on."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from gateway import settings as gateway_settings
from gateway.audit import chain, checkpoint, fhir
from gateway.audit import verify as verifying
from gateway.audit.chain import Head
from gateway.audit.file import rotated_files
from launcher.cli.output import AsJson, put
from launcher.errors import LauncherError

File = Annotated[Path | None, typer.Option(help="The trail; default: MMHIE_AUDIT_FILE.")]
Checkpoint = Annotated[
    str | None, typer.Option(help="`seq:mac`, or a log file with the gateway's checkpoint lines.")
]
Archived = Annotated[bool, typer.Option(help="Earlier files were moved away: that is no fault.")]
Lines = Annotated[bool, typer.Option("--json", help="Accepted: records are JSON lines anyway.")]
STEP_BYTES = 2**20
Fhir = Annotated[bool, typer.Option("--fhir", help="As FHIR R4 AuditEvents, one a line.")]


class AuditError(LauncherError):
    """The trail cannot be read, or no key or file is named."""


class TrailDamaged(LauncherError):
    """The trail is not as it was written."""

    exit_code = 1


def verify(
    file: File = None,
    checkpoint: Checkpoint = None,
    archived: Archived = False,
    as_json: AsJson = False,
) -> None:
    """Check the whole chain; exit code 1 and each finding with its place when it is damaged."""
    path, key = trail(file)
    known = checkpoints(checkpoint)
    try:
        with bar(path) as seen:
            report = verifying.verify(
                path, key=key, checkpoints=known, archived=archived, seen=seen
            )
    except OSError as problem:
        raise AuditError(f"{path} cannot be read ({problem.strerror}).") from None
    put(said(report, against=bool(checkpoint)), told(report), as_json=as_json)
    if report.findings:
        raise TrailDamaged(f"The trail is damaged: {len(report.findings)} finding(s).")


def said(report: verifying.Report, *, against: bool) -> str:
    """The report for a person."""
    if report.findings:
        return "\n".join(map(str, report.findings))
    head = report.head
    end = "" if against else " Whether its end was cut off shows only against a --checkpoint."
    return f"{report.lines} lines are as they were written; the last is {head.seq}:{head.mac}.{end}"


def told(report: verifying.Report) -> dict[str, object]:
    """The report for a program."""
    findings = [asdict(one) for one in report.findings]
    head = f"{report.head.seq}:{report.head.mac}"
    return {"lines": report.lines, "head": head, "genuine": not findings, "findings": findings}


@contextlib.contextmanager
def bar(path: Path) -> Iterator[Callable[[int], object]]:
    """A progress bar on a terminal's standard error, moved by the bytes that were read."""
    size = sum(one.stat().st_size for one in (*rotated_files(path), path) if one.exists())
    console, seen = Console(stderr=True), 0
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Reading the trail", total=size)

        def read(count: int) -> None:
            nonlocal seen
            seen += count
            if seen >= STEP_BYTES:  # a bar that moves with every line costs more than reading it
                progress.advance(task, seen)
                seen = 0

        yield read


def export(file: File = None, as_fhir: Fhir = False, as_json: Lines = True) -> None:
    """Write every record to standard output; run `verify` first, this does not."""
    del as_json  # it is JSON anyway
    path, key = trail(file)
    mac = chain.keyed(key)
    try:
        for where, raw in verifying.lines_of(path):
            line = chain.open_line(raw.removesuffix(b"\n"), mac)
            if line is None or not line.is_genuine:
                raise TrailDamaged(f"{where} is not what was written; run `mmhie audit verify`.")
            sys.stdout.write(rendered(line, as_fhir=as_fhir))
    except OSError as problem:
        raise AuditError(f"{path} cannot be read ({problem.strerror}).") from None


def rendered(line: chain.Line, *, as_fhir: bool) -> str:
    record = fhir.audit_event(line.record) if as_fhir else line.record
    return orjson.dumps(record).decode() + "\n"


def checkpoints(text: str | None) -> list[Head]:
    try:
        return checkpoint.of(text) if text else []
    except (OSError, ValueError):
        raise AuditError(
            "--checkpoint is neither `seq:mac` nor a file with checkpoint lines."
        ) from None


def trail(file: Path | None) -> tuple[Path, str]:
    """Which trail, under which key; raises AuditError."""
    try:
        chosen = gateway_settings.load()
    except gateway_settings.SettingsError as problem:
        raise AuditError(str(problem)) from None
    path = file or chosen.audit_file
    if path is None or chosen.audit_key is None:
        raise AuditError("MMHIE_AUDIT_FILE (or --file) and MMHIE_AUDIT_KEY must be set.")
    return path, chosen.audit_key.get_secret_value()
