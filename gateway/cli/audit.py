"""`mmhie audit verify | show`: verify the audit trail, and read what it has of a request."""

import contextlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from hmac import HMAC
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from gateway.audit import chain, request_lines
from gateway.audit import verify as verification
from gateway.audit.account import account
from gateway.audit.chain import ChainHead
from gateway.audit.request_lines import RequestLine
from gateway.audit.rotation import rotated_files, trails_in
from gateway.audit.verify import Report, Violation
from gateway.cli.command import AsJson, CommandError, NegativeResult, put, readable
from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import wording_of
from gateway.settings.gateway import load

File = Annotated[
    Path | None,
    typer.Option(help="One audit file; default: all in the folder of MMHIE_AUDIT_FILE."),
]
Checkpoint = Annotated[
    str | None, typer.Option(help="`seq:mac`, or a log file that has checkpoint lines.")
]
Archived = Annotated[bool, typer.Option(help="Earlier files were archived elsewhere.")]
RequestId = Annotated[str, typer.Argument(help="As in X-Request-Id.", show_default=False)]
STEP_BYTES = 2**20
ABSENT = "a checkpoint names this trail, and it is not here"


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
    """Verify every chain in the trail's folder, or one --file, and list each finding; exit code 1
    if there is one."""
    paths, key = trails(file)
    known = read_checkpoints(checkpoint)
    if known and len(paths) > 1 and not any(head.file for head in known):
        raise CommandError("There are several trails; name the checkpoint's with --file.")
    reports = {}
    with progress_bar(paths) as advance:
        for path in paths:
            names = (path.name,) if len(paths) > 1 else (path.name, "")
            heads = [head for head in known if head.file in names]
            with readable(path):
                reports[path.name] = verification.verify(
                    path, key=key, checkpoints=heads, archived=archived, seen=advance
                )
    if file is None and not archived:
        for name in sorted({head.file for head in known} - {"", *reports}):
            reports[name] = Report(findings=[Violation("missing", name, ABSENT)])
    finish(reports, as_json=as_json, against=bool(known))


def finish(reports: Mapping[str, Report], *, as_json: bool, against: bool) -> None:
    """Print the reports of the trails; raises TrailDamaged if there is a finding."""
    text = "\n".join(sentence(name, report, against=against) for name, report in reports.items())
    put(text, document(reports), as_json=as_json)
    if count := sum(len(report.findings) for report in reports.values()):
        raise TrailDamaged(f"The trail is damaged: {count} finding(s).")


def show(request_id: RequestId, file: File = None, as_json: AsJson = False) -> None:
    """Print one request, and whether the chain is intact around its line; exit code 1 if not, or if
    there is no such request."""
    paths, key = trails(file)
    lines: list[RequestLine] = []
    for path in paths:
        with readable(path):
            lines += request_lines.find(path, request_id=request_id, key=key)
    if not lines:
        raise RequestNotFound(
            f"No line of {', '.join(map(str, paths))} belongs to this request: check the id, and "
            "whether its gateway wrote to another folder, or the file was archived (--file)."
        )
    notices = wording_of(load()).notices
    summaries = {topic: words.summary for topic, words in notices.items()}
    accounts = "\n\n".join(account(line, request_id, summaries) for line in lines)
    put(accounts, {"lines": [asdict(line) for line in lines]}, as_json=as_json)
    if any(line.problems for line in lines):
        raise TrailDamaged("The trail is damaged here, or incomplete; run `mmhie audit verify`.")


def genuine_records(paths: Iterable[Path], key: str) -> Iterator[Json]:
    """Yield every record of several trails, by their times; raises TrailDamaged at a line that was
    changed."""
    mac = chain.new_mac(key)
    return heapq.merge(*(records_of(path, mac) for path in paths), key=time_of)


def time_of(record: Json) -> str:
    return str(record.get("time"))


def records_of(path: Path, mac: HMAC) -> Iterator[Json]:
    for where, raw in verification.lines_of(path):
        line = chain.parse_line(raw.removesuffix(b"\n"), mac)
        if line is None or not line.is_genuine:
            raise TrailDamaged(f"{where} is not what was written; run `mmhie audit verify`.")
        yield line.record


def sentence(name: str, report: Report, *, against: bool) -> str:
    """Describe the report of a trail for a person."""
    if report.findings:
        lines = map(str, report.findings)
        return "\n".join(line if line.startswith(name) else f"{name}: {line}" for line in lines)
    head = report.head
    end = "" if against else " Whether its end was cut off shows only against a --checkpoint."
    return (
        f"{name}: {report.lines} lines are as they were written; the last is "
        f"{head.seq}:{head.mac}.{end}"
    )


def document(reports: Mapping[str, Report]) -> dict[str, object]:
    """Return the reports for a program."""
    findings = [
        {"file": name, **asdict(finding)}
        for name, report in reports.items()
        for finding in report.findings
    ]
    heads = {name: f"{report.head.seq}:{report.head.mac}" for name, report in reports.items()}
    lines = sum(report.lines for report in reports.values())
    return {"lines": lines, "heads": heads, "genuine": not findings, "findings": findings}


@contextlib.contextmanager
def progress_bar(paths: Iterable[Path]) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on a terminal's standard error, advanced by the bytes read."""
    files = [file for path in paths for file in (*rotated_files(path), path) if file.exists()]
    size = sum(file.stat().st_size for file in files)
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


def trails(file: Path | None) -> tuple[list[Path], str]:
    """Return the trails in the folder of MMHIE_AUDIT_FILE, or one, and the key; raises
    CommandError."""
    settings = load()
    path = file or settings.audit_file
    if path is None or settings.audit_key is None:
        raise CommandError("MMHIE_AUDIT_FILE (or --file) and MMHIE_AUDIT_KEY must be set.")
    paths = [path] if file else trails_in(path)
    return paths, settings.audit_key.get_secret_value()
