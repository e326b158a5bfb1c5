"""The gateway is up, the model is ready, and the operator sees what needs attention."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.target import CheckRequest, Target


@dataclass(frozen=True, slots=True)
class Health:
    """Status of /healthz and /readyz, the phase, and the service's own warnings."""

    healthz: int
    readyz: int
    phase: str
    warnings: tuple[str, ...]


async def measure(target: Target) -> Health:
    """Ask for both pages."""
    healthz = await target.send(CheckRequest("GET", "/healthz"))
    readyz = await target.send(CheckRequest("GET", "/readyz"))
    body = healthz.json() if healthz.status_code == 200 else {}
    phase, warnings = str(body.get("phase")), body.get("warnings") or ()
    return Health(healthz.status_code, readyz.status_code, phase, tuple(map(str, warnings)))


def judge(measured: Health) -> Verdict:
    """The service is up and ready. Warnings are shown, and do not fail the check."""
    count = len(measured.warnings)
    return Verdict(
        {
            f"/healthz answered {measured.healthz}.": measured.healthz != 200,
            f"The service is not ready: {measured.phase}.": measured.readyz != 200,
        },
        f"The service is ready. It warns: {' '.join(measured.warnings)}"
        if count
        else "The service is ready.",
        f"phase {measured.phase}, {count} warning{'' if count == 1 else 's'}",
        "phase ready",
    )


CHECK: Final = Check("health", measure, judge)
