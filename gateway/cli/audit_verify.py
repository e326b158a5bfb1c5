"""`mmhie audit verify`: whether the trail is as it was written."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.audit import checkpoint as checkpoints
from gateway.audit import verify as verification
from gateway.audit.chain import ChainHead
from gateway.audit.verify import Report, Violation
from gateway.cli.audit import File, trails
from gateway.cli.command import AsJson, CommandError, NegativeResult, printable, put, readable

if TYPE_CHECKING:
    from gateway.safety.signatures import PublicKeys

Checkpoint = Annotated[
    str | None, typer.Option(help="`seq:mac`, or a log file that has checkpoint lines.")
]
PublicKey = Annotated[
    Path | None, typer.Option(help="Public signing key: count only checkpoints signed with it.")
]
Archived = Annotated[bool, typer.Option(help="Earlier files were archived elsewhere.")]
ABSENT = "a checkpoint names this trail, and it is not here"


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
    if len(paths) > 1 and not all(head.file for head in known):
        raise CommandError("There are several trails; name the checkpoint's with --file.")
    reports = {}
    for path in paths:
        heads = [head for head in known if head.file in (path.name, "")]
        with readable(path):
            reports[path.name] = verification.verify(
                path, key=audit_key, checkpoints=heads, archived=archived
            )
    if file is None and not archived:
        for name in sorted({head.file for head in known} - {"", *reports}):
            reports[name] = Report(findings=[Violation("missing", name, ABSENT)])
    text = "\n".join(describe(name, report, bool(known)) for name, report in reports.items())
    put(text, make_document(reports), as_json=as_json)
    if count := sum(len(report.findings) for report in reports.values()):
        raise NegativeResult(f"The trail is damaged: {count} finding(s).")


def describe(name: str, report: Report, has_checkpoint: bool) -> str:
    if report.findings:
        lines = map(str, report.findings)
        whole = (line if line.startswith(name) else f"{name}: {line}" for line in lines)
        return "\n".join(map(printable, whole))  # a log of checkpoints may name any file
    last = f"{report.head.seq}:{report.head.mac}"
    note = " Whether its end was cut off shows only against a --checkpoint."
    end = "" if has_checkpoint else note
    return f"{name}: {report.lines} lines are as they were written; the last is {last}.{end}"


def make_document(reports: dict[str, Report]) -> dict[str, object]:
    findings = [
        {"file": name, **asdict(finding)}
        for name, report in reports.items()
        for finding in report.findings
    ]
    heads = {name: f"{report.head.seq}:{report.head.mac}" for name, report in reports.items()}
    lines = sum(report.lines for report in reports.values())
    return {"lines": lines, "heads": heads, "genuine": not findings, "findings": findings}


def read_checkpoints(text: str | None, key: Path | None) -> list[ChainHead]:
    """Return the checkpoints to compare with; raises CommandError when there are none in it, and
    NegativeResult for a signature that does not fit."""
    keys = None if key is None else read_public_keys(key)
    try:
        return checkpoints.read(text, keys) if text else []
    except checkpoints.NotSigned as problem:
        raise NegativeResult(str(problem)) from None
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
