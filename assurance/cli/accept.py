"""`mmhie accept`: check a running service over its address."""

import asyncio
import json
import sys
from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from assurance.acceptance.check import Finding
from assurance.acceptance.run import CHECKS, run_checks, summarise
from assurance.acceptance.target import ServiceFacts, Target
from gateway.cli.command import AsJson, CommandError, NegativeResult
from launcher.terminal.address import Key, Url, access_key, open_client

MARKS = {"passed": "passed        ", "failed": "FAILED        ", "not applicable": "not applicable"}

Skip = Annotated[list[str] | None, typer.Option(help="Check to leave out, by name; repeatable.")]


def accept(url: Url = None, key: Key = None, skip: Skip = None, as_json: AsJson = False) -> None:
    """Check a running service over its address; exit code 1 if a check fails."""
    if unknown := set(skip or ()) - set(CHECKS):
        raise CommandError(f"There is no check {min(unknown)!r}: they are {', '.join(CHECKS)}.")
    with closing(open_client(url, key)) as service:
        health = service.get("/healthz")
        if health.get("phase") != "ready":
            raise NegativeResult(f"The service is not ready: {health.get('phase')}.")
        facts = ServiceFacts.of(health, service.get("/v1/models"))
        address = service.url
    findings = asyncio.run(
        check_service(address, access_key(key), facts, skip or (), is_silent=as_json)
    )
    verdict = summarise(findings)
    has_passed = all(finding.outcome != "failed" for finding in findings)
    if as_json:
        head = {"has_passed": has_passed, "verdict": verdict, "url": address}
        document = {**head, "facts": asdict(facts), "findings": list(map(asdict, findings))}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    if not has_passed:
        raise NegativeResult(verdict)
    if not as_json:
        sys.stdout.write(f"{verdict}\n")


async def check_service(
    url: str, key: str | None, facts: ServiceFacts, skipped: Collection[str], *, is_silent: bool
) -> list[Finding]:
    """Return the finding of every check, and print each unless silent."""
    findings = []
    async with Target(url, key, facts) as target:
        async for finding in run_checks(target, skipped):
            findings.append(finding)
            if not is_silent:
                line = f"{MARKS[finding.outcome]}  {finding.check:<17}  {finding.sentence}"
                print(line, flush=True)  # noqa: T201 - as each check ends
    return findings
