"""Run the checks of `mmhie accept` in order, and summarise the findings."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from assurance.acceptance.check import Check, Finding, run_check
from assurance.acceptance.checks import (
    abort,
    access,
    disclaimer,
    encryption,
    health,
    limits,
    load,
    notice,
    reasoning,
    repeat,
    streaming,
    structure,
    tools,
)
from assurance.acceptance.target import Target

CHECKS: Final[dict[str, Check]] = {
    "health": health.check,
    "encryption": encryption.check,
    "access": access.check,
    "disclaimer": disclaimer.check,
    "notice": notice.check,
    "limits": limits.check,
    "streaming": streaming.check,
    "abort": abort.check,
    "reasoning": reasoning.check,
    "tools": tools.check,
    "structured output": structure.check,
    "greedy answers": repeat.check,
    "load": load.check,
}


async def run_checks(target: Target, skipped: Collection[str]) -> AsyncIterator[Finding]:
    for name, check in CHECKS.items():
        if name in skipped:
            yield Finding(name, "not applicable", "It was left out with --skip.")
        else:
            yield await run_check(name, check, target)


def summarise(findings: Sequence[Finding]) -> str:
    """Return the outcome of all checks in one sentence."""
    failed = [finding.check for finding in findings if finding.outcome == "failed"]
    applicable = sum(finding.outcome != "not applicable" for finding in findings)
    if failed:
        return f"{len(failed)} of {applicable} checks failed: {', '.join(failed)}."
    return f"All {applicable} checks that apply passed."
