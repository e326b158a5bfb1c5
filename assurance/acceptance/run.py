"""One acceptance run: every check in order, and the facts it ran on.

Two tables: checks of a service that `mmhie accept` starts, and of the host or container in which
`mmhie accept isolation` runs.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final, TypeVar

from assurance.acceptance.check import Check, Finding
from assurance.acceptance.checks import (
    abort,
    adapter,
    audit,
    disclaimer,
    egress,
    encryption,
    feedback,
    hold,
    listeners,
    load,
    memory,
    notice,
    reasoning,
    recovery,
    repeat,
    root,
    structure,
    telemetry,
    tools,
)
from assurance.acceptance.host import Host
from assurance.acceptance.target import Target
from launcher.json_types import Json, JsonView

# Memory after load, when it is at its most; then what ends the engine, and what ends the service.
CHECKS: Final[tuple[Check[Target, Any], ...]] = (
    disclaimer.CHECK,
    notice.CHECK,
    hold.CHECK,
    feedback.CHECK,
    audit.CHECK,
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
ISOLATION: Final[tuple[Check[Host, Any], ...]] = (
    egress.CHECK,
    encryption.CHECK,
    root.CHECK,
    listeners.CHECK,
    telemetry.CHECK,
)
Subject = TypeVar("Subject", Target, Host)
Begun = Callable[[str, float], None]
Seen = Callable[[Finding, Json], None]


async def measured(
    checks: Sequence[Check[Subject, Any]],
    subject: Subject,
    earlier: JsonView,
    begun: Begun,
    seen: Seen,
) -> Json:
    """Run the checks; return facts, findings and measurements as JSON.

    `seen` gets each finding with the result so far, which a later run takes as `earlier`: what had
    passed on the same facts is not measured again.
    """
    so_far: Json = {"facts": asdict(subject.facts), "findings": [], "measurements": {}}
    known = passed(earlier) if is_same(earlier, so_far["facts"]) else {}
    for place, check in enumerate(checks):
        begun(check.name, place / len(checks))
        finding, measurement = known.get(check.name) or await check.run(subject)
        so_far["findings"].append(asdict(finding))
        so_far["measurements"][check.name] = measurement
        seen(finding, so_far)
    return so_far


def is_same(earlier: JsonView, facts: JsonView) -> bool:
    """The earlier run was of the same plan, and no less thorough; what is free does not count."""
    before = dict(earlier.get("facts") or {})
    now = json.loads(json.dumps(facts))  # tuples are lists there
    either = {"free_gib": None, "is_quick": None}
    is_thorough = not before.get("is_quick") or now["is_quick"]
    return bool(is_thorough) and {**before, **either} == {**now, **either}


def passed(earlier: JsonView) -> dict[str, tuple[Finding, Json]]:
    """Return what an earlier run measured and found good."""
    return {
        finding["check"]: (Finding(**finding), earlier["measurements"][finding["check"]])
        for finding in earlier["findings"]
        if finding["outcome"] == "passed"
    }
