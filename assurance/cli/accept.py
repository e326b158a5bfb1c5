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

Skip = Annotated[list[str] | None, typer.Option(help="Check to leave out, by name; repeatable.")]
Direct = Annotated[str, typer.Option(help="Address of the gateway itself, past a proxy.")]


def accept(
    url: Url = None,
    key: Key = None,
    direct: Direct = "",
    skip: Skip = None,
    as_json: AsJson = False,
) -> None:
    """Check a running service over its address; exit code 1 if a check fails."""
    if unknown := set(skip or ()) - set(CHECKS):
        raise CommandError(f"There is no check {min(unknown)!r}: they are {', '.join(CHECKS)}.")
    with closing(open_client(url, key)) as service:
        health = service.get("/healthz")
        if health.get("phase") != "ready":
            raise NegativeResult(f"The service is not ready: {health.get('phase')}.")
        facts = ServiceFacts.of(health, service.get("/v1/models"))
        target = Target(service.url, access_key(key), facts, direct)
    findings = asyncio.run(check_all(target, skip or (), is_silent=as_json))
    verdict = summarise(findings)
    has_passed = all(finding.outcome != "failed" for finding in findings)
    if as_json:
        document = {"has_passed": has_passed, "verdict": verdict, "url": target.url}
        document |= {"facts": asdict(facts), "findings": list(map(asdict, findings))}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    if not has_passed:
        raise NegativeResult(verdict)
    if not as_json:
        sys.stdout.write(f"{verdict}\n")


async def check_all(target: Target, skipped: Collection[str], *, is_silent: bool) -> list[Finding]:
    """Return the finding of every check, and print each unless silent."""
    findings = []
    async with target:
        async for finding in run_checks(target, skipped):
            findings.append(finding)
            if not is_silent:
                line = f"{finding.outcome:<14}  {finding.check:<17}  {finding.sentence}"
                print(line, flush=True)  # noqa: T201 - as each check ends
    return findings
