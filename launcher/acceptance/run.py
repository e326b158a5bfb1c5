"""One acceptance run: every check in order, and the facts it ran on."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from launcher.acceptance.check import Check, Finding
from launcher.acceptance.checks import (
    abort,
    adapter,
    disclaimer,
    load,
    memory,
    reasoning,
    recovery,
    repeat,
    structure,
    tools,
)
from launcher.acceptance.target import Target

# Memory after load, when it is at its most; then what ends the engine, and what ends the service.
CHECKS: Final[tuple[Check[Any], ...]] = (
    disclaimer.CHECK,
    reasoning.CHECK,
    tools.CHECK,
    structure.CHECK,
    repeat.CHECK,
    abort.CHECK,
    load.CHECK,
    memory.CHECK,
    recovery.CHECK,
    adapter.CHECK,
)
Seen = Callable[[Finding], None]
Begun = Callable[[str, float], None]


async def measured(target: Target, begun: Begun, seen: Seen) -> dict[str, Any]:
    """Run every check; return facts, findings and measurements as JSON."""
    findings, measurements = [], {}
    for place, check in enumerate(CHECKS):
        begun(check.name, place / len(CHECKS))
        finding, measurement = await check.run(target)
        seen(finding)
        findings.append(asdict(finding))
        measurements[check.name] = measurement
    facts = asdict(target.facts)
    return {"facts": facts, "findings": findings, "measurements": measurements}


def judged_again(document: dict[str, Any]) -> list[Finding]:
    """Judge a report's measurements anew; those without one stay as they are."""
    checks = {check.name: check for check in CHECKS}
    measurements = document["measurements"]
    return [
        checks[one["check"]].recorded(measurements[one["check"]])
        if measurements.get(one["check"])
        else Finding(**one)
        for one in document["findings"]
    ]
