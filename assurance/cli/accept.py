"""`mmhie accept`: check a running service over its address."""

import asyncio
import json
import sys
from collections.abc import Collection
from contextlib import closing
from typing import Annotated

import typer
from rich.console import Console

from assurance.acceptance.check import Finding
from assurance.acceptance.run import NAMES, run_checks
from assurance.acceptance.target import ServiceFacts, Target
from gateway.cli.command import AsJson, CommandError, NegativeResult
from launcher.json_types import Json
from launcher.terminal.address import Key, Url, access_key, open_client

MARKS = {"passed": "passed        ", "failed": "FAILED        ", "not applicable": "not applicable"}

Skip = Annotated[list[str] | None, typer.Option(help="Check to leave out, by name; repeatable.")]


def accept(url: Url = None, key: Key = None, skip: Skip = None, as_json: AsJson = False) -> None:
    """Check a running service over its address; exit code 1 if a check fails."""
    if unknown := set(skip or ()) - set(NAMES):
        raise CommandError(f"There is no check {min(unknown)!r}: they are {', '.join(NAMES)}.")
    with closing(open_client(url, key)) as service:
        health = service.get("/healthz")
        if health.get("phase") != "ready":
            raise NegativeResult(f"The service is not ready: {health.get('phase')}.")
        facts = ServiceFacts.of(health, service.get("/v1/models"))
        address = service.url
    result = asyncio.run(
        check_service(address, access_key(key), facts, skip or (), is_silent=as_json)
    )
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    if not result["has_passed"]:
        raise NegativeResult(result["verdict"])
    if not as_json:
        sys.stdout.write(f"{result['verdict']}\n")


async def check_service(
    url: str, key: str | None, facts: ServiceFacts, skipped: Collection[str], *, is_silent: bool
) -> Json:
    """Return the result of every check, and print each finding unless silent."""
    # progress on standard error leaves the findings alone on standard output
    with Console(stderr=True).status("Checking") as status:
        async with Target(url, key, facts) as target:
            return await run_checks(
                target,
                skipped,
                lambda name: status.update(f"Checking {name}"),
                (lambda finding: None) if is_silent else show,
            )


def show(finding: Finding) -> None:
    """Print a finding as a line."""
    figures = f" ({finding.measured})" if finding.measured else ""
    sentence = f"{finding.check:<17}  {finding.sentence}{figures}"
    sys.stdout.write(f"{MARKS[finding.outcome]}  {sentence}\n")
    sys.stdout.flush()
