"""The gateway is up, the model is ready, and the operator sees what needs attention."""

from assurance.acceptance.target import CheckFailed, Target


async def check(target: Target) -> str:
    """Pass if the service is up and ready. Warnings are shown, and do not fail the check."""
    healthz, readyz = await target.get("/healthz"), await target.get("/readyz")
    if healthz.status_code != 200:
        raise CheckFailed(f"/healthz answered {healthz.status_code}")
    body = healthz.json()
    if readyz.status_code != 200:
        raise CheckFailed(f"The service is not ready: {body.get('phase')}")
    warnings = " ".join(map(str, body.get("warnings") or ()))
    return "The service is ready." + (f" It warns: {warnings}" if warnings else "")
