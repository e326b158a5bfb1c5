"""`mmhie audit verify | show`: verify the audit trail, and read what it has of a request."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from gateway.audit import chain, request_lines
from gateway.audit import verify as verification
from gateway.audit.account import account
from gateway.audit.chain import ChainHead
from gateway.audit.rotation import rotated_files
from gateway.audit.verify import Report
from gateway.cli.command import AsJson, CommandError, NegativeResult, put, readable
from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import wording_of
from gateway.settings.gateway import load

File = Annotated[Path | None, typer.Option(help="Audit file; default: MMHIE_AUDIT_FILE.")]
Checkpoint = Annotated[
    str | None, typer.Option(help="`seq:mac`, or a log file that has checkpoint lines.")
]
Archived = Annotated[bool, typer.Option(help="Earlier files were archived elsewhere.")]
RequestId = Annotated[str, typer.Argument(help="As in X-Request-Id.", show_default=False)]
STEP_BYTES = 2**20


class TrailDamaged(NegativeResult):
    """The trail is not as it was written."""


class RequestNotFound(NegativeResult):
    """No line of the trail is of this request."""


def verify(
    file: File = None,
    checkpoint: Checkpoint = None,
    archived: Archived = False,
    as_json: AsJson = False,
) -> None:
    """Verify the whole chain and list each finding; exit code 1 if there is one."""
    path, key = trail(file)
    known = read_checkpoints(checkpoint)
    with readable(path), progress_bar(path) as advance:
        report = verification.verify(
            path, key=key, checkpoints=known, archived=archived, seen=advance
        )
    put(sentence(report, against=bool(checkpoint)), document(report), as_json=as_json)
    if report.findings:
        raise TrailDamaged(f"The trail is damaged: {len(report.findings)} finding(s).")


def show(request_id: RequestId, file: File = None, as_json: AsJson = False) -> None:
    """Print one request, and whether the chain is intact around its line; exit code 1 if not, or if
    there is no such request."""
    path, key = trail(file)
    with readable(path):
        lines = list(request_lines.find(path, request_id=request_id, key=key))
    if not lines:
        raise RequestNotFound(
            f"No line of {path} belongs to this request: check the id, and whether its gateway "
            "wrote to another file, or the file was archived (--file)."
        )
    notices = wording_of(load()).notices
    summaries = {topic: words.summary for topic, words in notices.items()}
    accounts = "\n\n".join(account(line, request_id, summaries) for line in lines)
    put(accounts, {"lines": [asdict(line) for line in lines]}, as_json=as_json)
    if any(line.problems for line in lines):
        raise TrailDamaged("The trail is damaged here, or incomplete; run `mmhie audit verify`.")


def genuine_records(path: Path, key: str) -> Iterator[Json]:
    """Yield every record of a trail; raises TrailDamaged at a line that was changed."""
    mac = chain.new_mac(key)
    for where, raw in verification.lines_of(path):
        line = chain.parse_line(raw.removesuffix(b"\n"), mac)
        if line is None or not line.is_genuine:
            raise TrailDamaged(f"{where} is not what was written; run `mmhie audit verify`.")
        yield line.record


def sentence(report: Report, *, against: bool) -> str:
    """Describe the report for a person."""
    if report.findings:
        return "\n".join(map(str, report.findings))
    head = report.head
    end = "" if against else " Whether its end was cut off shows only against a --checkpoint."
    return f"{report.lines} lines are as they were written; the last is {head.seq}:{head.mac}.{end}"


def document(report: Report) -> dict[str, object]:
    """Return the report for a program."""
    findings = [asdict(finding) for finding in report.findings]
    head = f"{report.head.seq}:{report.head.mac}"
    return {"lines": report.lines, "head": head, "genuine": not findings, "findings": findings}


@contextlib.contextmanager
def progress_bar(path: Path) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on a terminal's standard error, advanced by the bytes read."""
    size = sum(file.stat().st_size for file in (*rotated_files(path), path) if file.exists())
    console, pending = Console(stderr=True), 0
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Reading the trail", total=size)

        def advance(count: int) -> None:
            nonlocal pending
            pending += count
            if pending >= STEP_BYTES:  # a bar that moves with every line costs more than reading it
                progress.advance(task, pending)
                pending = 0

        yield advance
        progress.advance(task, pending)


def read_checkpoints(text: str | None) -> list[ChainHead]:
    """Return the checkpoints to compare with; raises CommandError when there are none in it."""
    try:
        return verification.checkpoints_in(text) if text else []
    except (OSError, ValueError):
        raise CommandError(
            "--checkpoint is neither `seq:mac` nor a file with checkpoint lines."
        ) from None


def trail(file: Path | None) -> tuple[Path, str]:
    """Return the trail's path and its key; raises CommandError."""
    settings = load()
    path = file or settings.audit_file
    if path is None or settings.audit_key is None:
        raise CommandError("MMHIE_AUDIT_FILE (or --file) and MMHIE_AUDIT_KEY must be set.")
    return path, settings.audit_key.get_secret_value()
