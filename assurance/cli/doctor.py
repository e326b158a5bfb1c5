"""`mmhie doctor`: check whether this configuration would start here, without a network."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console

from assurance.doctor.checks import CheckedConfiguration, DoctorFinding, run_checks
from gateway.cli.command import AsJson
from launcher.errors import LauncherError

MARKS = {"ok": "ok     ", "warning": "warning", "failed": "FAILED ", "not checked": "-      "}


class Unhealthy(LauncherError):
    """At least one check failed."""


def doctor(as_json: AsJson = False) -> None:
    """Check settings, engine, weights, memory, disk, port and vocabulary; start nothing."""
    findings: list[DoctorFinding] = []
    # the status is on standard error, so that standard output is the findings alone
    with Console(stderr=True).status("Checking") as status:
        for finding in run_checks(CheckedConfiguration(os.environ)):
            status.update(f"Checked {finding.check}")
            findings.append(finding)
            if not as_json:
                show(finding)
    if as_json:
        document = {"checks": [asdict(finding) for finding in findings]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    failed = [finding.check for finding in findings if finding.outcome == "failed"]
    if failed:
        raise Unhealthy(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}.")
    if not as_json:
        sys.stdout.write(f"{conclusion(findings)}\n")


def conclusion(findings: Sequence[DoctorFinding]) -> str:
    """Describe the outcome of checks of which none failed."""
    counts = {
        "with a warning": sum(finding.outcome == "warning" for finding in findings),
        "not made": sum(finding.outcome == "not checked" for finding in findings),
    }
    rest = "".join(f", {count} {what}" for what, count in counts.items() if count)
    return f"{len(findings)} checks, none failed{rest}: `mmhie serve` can start."


def show(finding: DoctorFinding) -> None:
    """Print one finding as a line."""
    sys.stdout.write(f"{MARKS[finding.outcome]}  {finding.check:<10}  {finding.sentence}\n")
    sys.stdout.flush()
