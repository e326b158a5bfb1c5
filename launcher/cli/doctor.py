"""`mmhie doctor`: would this configuration start here, and without a network?"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.status import Status

from launcher.cli.output import AsJson
from launcher.doctor import checks as examination
from launcher.doctor.checks import Case, Finding
from launcher.errors import LauncherError

MARKS = {"ok": "ok     ", "warning": "warning", "failed": "FAILED ", "not checked": "-      "}


class Unhealthy(LauncherError):
    """At least one check failed."""


def doctor(as_json: AsJson = False) -> None:
    """Test settings, engine, weights, memory, disk, port and vocabulary; nothing is started."""
    with waiting() as status:
        found = list(said(Case(os.environ), status, show=not as_json))
    if as_json:
        sys.stdout.write(json.dumps({"checks": [asdict(one) for one in found]}, indent=2) + "\n")
    failed = [one.check for one in found if one.outcome == "failed"]
    if failed:
        raise Unhealthy(f"{len(failed)} of {len(found)} checks failed: {', '.join(failed)}.")


@contextmanager
def waiting() -> Iterator[Status]:
    """On standard error, so that standard output is the findings alone."""
    with Console(stderr=True).status("Checking") as status:
        yield status


def said(case: Case, status: Status, *, show: bool) -> Iterator[Finding]:
    """Each finding, printed as it comes."""
    for one in examination.examine(case):
        status.update(f"Checked {one.check}")
        if show:
            sys.stdout.write(f"{MARKS[one.outcome]}  {one.check:<10}  {one.sentence}\n")
            sys.stdout.flush()
        yield one
