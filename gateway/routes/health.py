"""GET /healthz, /readyz: liveness of the gateway, readiness of the model."""

from fastapi import Request
from fastapi.responses import JSONResponse

from gateway.runtime.json_types import Json
from gateway.safety.labels import GATEWAY_VERSION
from gateway.services import Services, ServicesDep


async def healthz(request: Request, services: ServicesDep) -> Json:
    """Liveness and phase: 200 from the first second, regardless of the engine."""
    return {"status": "ok", **await details(request, services)}


async def readyz(request: Request, services: ServicesDep) -> JSONResponse:
    """Readiness: 200 only while requests can be answered."""
    refuses = any(kept and kept.refuses() for kept in (services.trail, services.vault))
    ready = services.phase() == "ready" and not refuses
    body = {"status": "ok" if ready else "unavailable", **await details(request, services)}
    return JSONResponse(body, status_code=200 if ready else 503)


async def details(request: Request, services: Services) -> Json:
    """All but the phase, which probes need, is for callers with a key in production."""
    headers = request.scope["headers"]
    if services.settings.env == "production" and not await services.gate.is_authenticated(headers):
        return {"phase": services.phase()}
    return describe(services)


def describe(services: Services) -> Json:
    """The body of both endpoints."""
    state, settings = services.watch.state, services.settings
    override = settings.reasoner_model_test_override
    model = state.model.id if state.model else state.model_facts.get("id")
    return {
        "phase": services.phase(),
        "progress": state.progress,
        "detail": services.detail(),
        "model": model or override or settings.reasoner_model,
        "served": state.model_facts,
        "engine": {"name": state.engine, "version": state.engine_version},
        "warnings": [*state.warnings, *own_warnings(services)],
        "gateway_version": GATEWAY_VERSION,
        "disclaimer_version": services.labels.disclaimer.version,
        "screened_languages": services.screener.languages,
    }


def own_warnings(services: Services) -> list[str]:
    """Warnings for the operator about the gateway's own settings."""
    background = services.background.warnings()
    warnings = [*services.gate.warnings(), *services.shared.warnings(), *background]
    warnings += dict.fromkeys(
        warning for engine in (services.engine, *services.metered) for warning in engine.warnings()
    )
    for kept in (services.trail, services.vault, services.feedback):
        warnings += kept.warnings() if kept is not None else []
    if services.settings.reasoner_model_test_override:
        warnings.append("MMHIE_REASONER_MODEL_TEST_OVERRIDE is in force.")
    return warnings
