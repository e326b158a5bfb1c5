"""GET /healthz, /readyz: liveness of the gateway, readiness of the model."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from gateway.engine.watch import Phase
from gateway.http.certificates import certificate_warnings
from gateway.runtime.json_types import Json
from gateway.safety.labels import GATEWAY_VERSION
from gateway.services import Services, ServicesDep

router = APIRouter(tags=["health"])


class EngineVersion(BaseModel):
    """The engine behind the gateway; null until it has been reached."""

    name: str | None
    version: str | None


class HealthReport(BaseModel):
    """The state of the service. In production, only `status` and `phase` are public."""

    status: Literal["ok", "unavailable"]
    phase: Phase
    progress: float | None = Field(None, description="Progress of the phase, from 0 to 1.")
    detail: str = Field("", description="A sentence about the phase.")
    model: str | None = Field(None, description="Public id of the served model.")
    served: Json = Field(
        default_factory=dict, description="Facts from the launcher about the model."
    )
    engine: EngineVersion | None = None
    warnings: list[str] = Field(default_factory=list, description="For the operator.")
    gateway_version: str | None = None
    disclaimer_version: str | None = None
    screened_languages: list[str] = Field(default_factory=list)


# For /openapi.json only: a value from the launcher that does not validate must not fail a probe.
REPORT: dict[int | str, dict[str, Any]] = {200: {"model": HealthReport}}
UNREADY: dict[int | str, dict[str, Any]] = {**REPORT, 503: {"model": HealthReport}}


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", response_model=None, responses=REPORT)
async def healthz(request: Request, services: ServicesDep) -> Json:
    """Liveness and phase: 200 from the first second, regardless of the engine."""
    return {"status": "ok", **await details(request, services)}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=None, responses=UNREADY)
@router.head("/health", include_in_schema=False)  # vLLM's name: load tests and routers look there
@router.get("/health", response_model=None, responses=UNREADY)
async def readyz(request: Request, services: ServicesDep) -> JSONResponse:
    """Readiness: 200 only while requests can be answered."""
    refuses = any(service and service.refuses() for service in (services.trail, services.vault))
    is_ready = services.phase() == "ready" and not refuses
    body = {"status": "ok" if is_ready else "unavailable", **await details(request, services)}
    return JSONResponse(body, status_code=200 if is_ready else 503)


async def details(request: Request, services: Services) -> Json:
    """Return the details; in production, callers without a key get only the phase."""
    headers = request.scope["headers"]
    if services.settings.env == "production" and not await services.gate.is_authenticated(headers):
        return {"phase": services.phase()}
    return describe(services)


def describe(services: Services) -> Json:
    """Return the details of both endpoints."""
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
    if hold := services.hold.hold:
        warnings.insert(0, f"Held by {hold.by} since {hold.since}: {hold.reason}.")
    warnings += dict.fromkeys(
        warning for engine in (services.engine, *services.metered) for warning in engine.warnings()
    )
    warnings += certificate_warnings(services.settings)
    for store in (services.trail, services.vault, services.feedback):
        warnings += store.warnings() if store is not None else []
    if services.settings.reasoner_model_test_override:
        warnings.append("MMHIE_REASONER_MODEL_TEST_OVERRIDE is in force.")
    return warnings
