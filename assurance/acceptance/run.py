"""Run the checks of `mmhie accept` in order, and summarise the findings."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import Any, Final

from assurance.acceptance.check import Check, Finding
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
from launcher.json_types import Json

CHECKS: Final[tuple[Check[Any], ...]] = (
    health.CHECK,
    encryption.CHECK,
    access.CHECK,
    disclaimer.CHECK,
    notice.CHECK,
    limits.CHECK,
    streaming.CHECK,
    abort.CHECK,
    reasoning.CHECK,
    tools.CHECK,
    structure.CHECK,
    repeat.CHECK,
    load.CHECK,
)
NAMES: Final = tuple(check.name for check in CHECKS)


async def run_checks(
    target: Target,
    skipped: Collection[str],
    on_start: Callable[[str], None],
    on_finding: Callable[[Finding], None],
) -> Json:
    """Run every check that is not skipped; return verdict, findings and measurements as JSON."""
    findings: list[Finding] = []
    measurements: Json = {}
    for check in CHECKS:
        on_start(check.name)
        if check.name in skipped:
            finding = Finding(check.name, "not applicable", "It was left out with --skip.")
        else:
            finding, measurements[check.name] = await check.run(target)
        findings.append(finding)
        on_finding(finding)
    return {
        "has_passed": all(finding.outcome != "failed" for finding in findings),
        "verdict": summarise(findings),
        "url": target.url,
        "facts": asdict(target.facts),
        "findings": [asdict(finding) for finding in findings],
        "measurements": measurements,
    }


def summarise(findings: Sequence[Finding]) -> str:
    """Return the outcome of all checks in one sentence."""
    failed = [finding.check for finding in findings if finding.outcome == "failed"]
    applicable = sum(finding.outcome != "not applicable" for finding in findings)
    if failed:
        return f"{len(failed)} of {applicable} checks failed: {', '.join(failed)}."
    inapplicable = len(findings) - applicable
    addition = f"; {inapplicable} did not apply" if inapplicable else ""
    return f"All {applicable} checks passed{addition}."
