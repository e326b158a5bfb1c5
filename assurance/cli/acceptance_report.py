"""Output of `mmhie accept` and `mmhie accept isolation`, and its verification."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assurance.acceptance import report
from assurance.acceptance.check import Finding
from assurance.acceptance.page import REPORT
from assurance.reports.report import audit_key
from gateway.cli.command import AsJson, put
from launcher.errors import LauncherError
from launcher.json_types import JsonView

MARKS = {"passed": "passed        ", "failed": "FAILED        ", "not applicable": "not applicable"}

Out = Annotated[Path, typer.Option(help="Report to write; the page has the same name, `.html`.")]
File = Annotated[Path, typer.Argument(help="Report, as JSON or as page.")]


class NotAccepted(LauncherError):
    """At least one check failed."""

    exit_code = 1


def show(finding: Finding) -> None:
    """Print a finding for a person."""
    figures = f" ({finding.measured})" if finding.measured else ""
    said = f"{finding.check:<17}  {finding.sentence}{figures}"
    sys.stdout.write(f"{MARKS[finding.outcome]}  {said}\n")
    sys.stdout.flush()


def conclude(measured: JsonView, out: Path, *, as_json: bool) -> None:
    """Sign and write a run's report, and say how it came out. Raises NotAccepted where a check
    failed."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = REPORT.signature.signed(report.document(measured, now), audit_key())
    content, sentence = REPORT.signature.read(text), REPORT.save(out, text)
    if as_json or content["has_passed"]:
        put(sentence, content, as_json=as_json)
    if not content["has_passed"]:
        raise NotAccepted(content["verdict"])


def verify(file: File, as_json: AsJson = False) -> None:
    """Verify that a report, or its page, is as it was written; exit code 1 if it is not."""
    put(*REPORT.verification(file), as_json=as_json)
