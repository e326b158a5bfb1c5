"""`mmhie audit verify | show`: verify the audit trail, and read what it has of a request."""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from gateway.audit import chain
from gateway.audit import checkpoint as checkpoints
from gateway.audit import verify as verification
from gateway.audit.account import account
from gateway.audit.chain import ChainHead
from gateway.audit.copies import refresh_copies
from gateway.audit.file import lock_of
from gateway.audit.rotation import rotated_files, trails_in
from gateway.audit.search import FoundLine, Search, Unreadable
from gateway.audit.verify import Report, Violation
from gateway.cli.command import (
    AsJson,
    CommandError,
    NegativeResult,
    audit,
    operator_name,
    parse_duration,
    put,
    readable,
)
from gateway.record import rfc3339
from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import wording_of
from gateway.settings.gateway import load

if TYPE_CHECKING:
    from gateway.safety.signatures import PublicKeys

File = Annotated[
    Path | None,
    typer.Option(help="One audit file; default: all in the folder of MMHIE_AUDIT_FILE."),
]
Checkpoint = Annotated[
    str | None, typer.Option(help="`seq:mac`, or a log file that has checkpoint lines.")
]
PublicKey = Annotated[
    Path | None, typer.Option(help="Public signing key: count only checkpoints signed with it.")
]
Archived = Annotated[bool, typer.Option(help="Earlier files were archived elsewhere.")]
RequestId = Annotated[str, typer.Argument(help="As in X-Request-Id.", show_default=False)]
By = Annotated[str | None, typer.Option(help="Who searches; default: the current user.")]
OF_REQUEST = "$id IN (request_id, caller_request_id)"
VERIFY = "; run `mmhie audit verify`."
NO_TEXT = f"Part of the trail is no text, and was left out{VERIFY}"
NO_COPY = "The closed files of {trail} could not be copied for searches ({problem}).\n"
CHANGED_COPY = "it is not the copy that was written for searches; delete it"
ABSENT = "a checkpoint names this trail, and it is not here"

NO_PATIENT = (
    "No line of {path} fits. The patient was looked for as {form}, and letter for letter as given; "
    "try other numbers of the patient, with their system (`value^^^authority`)."
)
NOT_RECORDED = "This search is not recorded: MMHIE_AUDIT_FILE is no trail of a gateway.\n"


class NothingFound(NegativeResult):
    """No record fits the options."""


class TrailDamaged(NegativeResult):
    """The trail is not as it was written."""


class RequestNotFound(NegativeResult):
    """No line of the trail is of this request."""


def checked_time(text: str | None) -> str | None:
    """Return a time as the trail writes it; without a zone it is in this machine's. Raises
    CommandError."""
    if text is None:
        return None
    if (ago_s := parse_duration(text)) is not None:
        return rfc3339(time.time() - ago_s)
    try:
        return rfc3339(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise CommandError(
            f"{text!a} is no time; write it as 2026-11-28 or 2026-11-28T10:30, in the zone TZ, "
            "with Z in UTC, or as 2h: two hours ago."
        ) from None


Since = Annotated[
    str | None,
    typer.Option(
        callback=checked_time,
        help="First time: 2026-11-28, 2026-11-28T10:30 (zone: TZ), or 2h: two hours ago.",
    ),
]
Until = Annotated[
    str | None, typer.Option(callback=checked_time, help="Time before which, in the same form.")
]


def verify(
    file: File = None,
    checkpoint: Checkpoint = None,
    key: PublicKey = None,
    archived: Archived = False,
    as_json: AsJson = False,
) -> None:
    """Verify every chain in the trail's folder, or one --file, and list each finding; exit code 1
    if there is one."""
    paths, audit_key = trails(file)
    known = read_checkpoints(checkpoint, key)
    if known and len(paths) > 1 and not any(head.file for head in known):
        raise CommandError("There are several trails; name the checkpoint's with --file.")
    reports = {}
    with progress_bar(paths) as advance:
        for path in paths:
            names = (path.name,) if len(paths) > 1 else (path.name, "")
            heads = [head for head in known if head.file in names]
            with readable(path):
                report = verification.verify(
                    path, key=audit_key, checkpoints=heads, archived=archived, seen=advance
                )
                reports[path.name] = report
                if not report.findings:
                    report.findings += verify_copies(path, audit_key)
    if file is None and not archived:
        for name in sorted({head.file for head in known} - {"", *reports}):
            reports[name] = Report(findings=[Violation("missing", name, ABSENT)])
    finish(reports, as_json=as_json, against=bool(known))


def verify_copies(trail: Path, key: str) -> list[Violation]:
    """Copy the closed files of a trail that was verified; return what is wrong with other copies.
    A failure only prints a warning: the files are searched without copies."""
    try:
        changed = refresh_copies(rotated_files(trail), key)
    except OSError as problem:
        sys.stderr.write(NO_COPY.format(trail=trail, problem=problem.strerror))
        return []
    return [Violation("edited", copy.name, CHANGED_COPY) for copy in changed]


def finish(reports: Mapping[str, Report], *, as_json: bool, against: bool) -> None:
    """Print the reports of the trails; raises TrailDamaged if there is a finding."""
    text = "\n".join(sentence(name, report, against=against) for name, report in reports.items())
    put(text, document(reports), as_json=as_json)
    if count := sum(len(report.findings) for report in reports.values()):
        raise TrailDamaged(f"The trail is damaged: {count} finding(s).")


def show(request_id: RequestId, file: File = None, as_json: AsJson = False) -> None:
    """Print one request, and whether its lines are as they were written; exit code 1 if not, or if
    there is no such request."""
    paths, key = trails(file)
    lines = list[FoundLine]()
    with readable(paths[0]), Search(paths) as search, contextlib.suppress(Unreadable):
        for line in search.find(OF_REQUEST, {"id": request_id}, chain.new_mac(key)):
            lines += [line] if line.record else []
    if not lines:
        raise RequestNotFound(
            f"No line of {', '.join(map(str, paths))} belongs to this request: check the id, and "
            "whether its gateway wrote to another folder, or the file was archived (--file)."
        )
    notices = wording_of(load()).notices
    summaries = {topic: words.summary for topic, words in notices.items()}
    accounts = "\n\n".join(account(line, request_id, summaries) for line in lines)
    put(accounts, {"lines": [asdict(line) for line in lines]}, as_json=as_json)
    if not all(line.is_genuine for line in lines):
        raise TrailDamaged("The trail is damaged here; run `mmhie audit verify`.")


def genuine_records(found: Iterable[FoundLine]) -> Iterator[Json]:
    """Yield the records of lines that are as they were written; raises TrailDamaged after them if
    there are others."""
    damaged = Counter[str]()
    try:
        for line in found:
            if line.is_genuine:
                yield line.record
            else:
                damaged[line.file] += 1
    except Unreadable:
        raise TrailDamaged(NO_TEXT) from None
    if damaged:
        counts = ", ".join(f"{count} of {file}" for file, count in damaged.items())
        raise TrailDamaged(
            f"Lines that are not as they were written are left out: {counts}{VERIFY}"
        )


def record_query(patient: str, by: str | None = None) -> None:
    """Record in the trail that somebody looks for a patient; a copy of a trail stays as it is."""
    settings = load()
    if settings.audit_file is None or not lock_of(settings.audit_file).exists():
        sys.stderr.write(NOT_RECORDED)
        return
    audit(settings, "query", by=operator_name(by), patient=patient)


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
def progress_bar(paths: Iterable[Path]) -> Iterator[Callable[[Path], object]]:
    """Show a progress bar on a terminal's standard error, advanced by each file that was read."""
    files = [file for path in paths for file in (*rotated_files(path), path) if file.exists()]
    console = Console(stderr=True)
    bar = Progress(console=console, disable=not console.is_terminal, auto_refresh=False)
    with bar as progress:
        task = progress.add_task("Reading the trail", total=sum(map(measure, files)))

        def advance(file: Path) -> None:
            progress.advance(task, measure(file))
            progress.refresh()

        yield advance


def measure(file: Path) -> int:
    return file.stat().st_size


def read_checkpoints(text: str | None, key: Path | None) -> list[ChainHead]:
    """Return the checkpoints to compare with; raises CommandError when there are none in it, and
    TrailDamaged for a signature that does not fit."""
    keys = None if key is None else read_public_keys(key)
    try:
        return checkpoints.read(text, keys) if text else []
    except checkpoints.NotSigned as problem:
        raise TrailDamaged(str(problem)) from None
    except (OSError, ValueError):
        signed = "signed " if keys else ""
        raise CommandError(
            f"--checkpoint is neither `seq:mac` nor a file with {signed}checkpoint lines."
        ) from None


def read_public_keys(path: Path) -> "PublicKeys":
    """Return the keys in a file; raises CommandError."""
    from gateway.safety.signatures import PublicKeys, PublicKeyUnusable  # 30 ms

    try:
        return PublicKeys(path)
    except PublicKeyUnusable as problem:
        raise CommandError(f"--key {path} {problem}.") from None


def trails(file: Path | None) -> tuple[list[Path], str]:
    """Return the trails in the folder of MMHIE_AUDIT_FILE, or one, and the key; raises
    CommandError."""
    settings = load()
    path = file or settings.audit_file
    if path is None or settings.audit_key is None:
        raise CommandError("MMHIE_AUDIT_FILE (or --file) and MMHIE_AUDIT_KEY must be set.")
    paths = [path] if file else trails_in(path)
    return paths, settings.audit_key.get_secret_value()
