"""Every endpoint in one table: its routes and the scope it needs.

To add one, add its file in `gateway/routes` and a row here. A path without a row is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, FastAPI

from gateway.api import paths
from gateway.api.error_model import ERRORS
from gateway.auth.gate import Need
from gateway.routes import (
    embeddings,
    engine_api,
    feedback,
    generate,
    health,
    metrics,
    model_card,
    models,
)
from gateway.settings.gateway import GatewaySettings

# Answered by the pipeline; they come before the framework's own routes.
PIPELINE_ROUTES = (generate.ROUTE, *engine_api.ROUTES)
TOKEN_PATHS = frozenset(route.path for route in PIPELINE_ROUTES)
ROUTERS: tuple[APIRouter, ...] = (
    models.router,
    embeddings.router,
    model_card.router,
    feedback.router,
    metrics.router,
    health.router,
)


@dataclass(frozen=True, slots=True)
class Closed:
    """A need that a setting switches on."""

    need: Need
    by: Literal["protect_health", "protects_metrics"]


HEALTH = Closed("metrics", by="protect_health")
METRICS = Closed("metrics", by="protects_metrics")
NEEDS: Mapping[str, Need | Closed] = {
    paths.GENERATE: "generate",
    **{route.path: "openai" for route in engine_api.ROUTES},
    "/v1/models": "openai",
    "/v1/embeddings": "openai",
    "/v1/mmhie/model-card": "any",
    "/v1/mmhie/feedback": "feedback",
    "/v1/mmhie/load": METRICS,
    "/metrics": METRICS,
    "/healthz": HEALTH,
    "/readyz": HEALTH,
    "/health": HEALTH,
    # The API's description and the console's page are public.
    "/": None,
    "/docs": None,
    "/openapi.json": None,
}


def add_routes(app: FastAPI) -> None:
    """Add every endpoint to the application."""
    app.router.routes[:0] = PIPELINE_ROUTES
    for router in ROUTERS:
        app.include_router(router, responses=ERRORS)


def needs_of(settings: GatewaySettings) -> Mapping[str, Need]:
    """Return the need of every path in the table for these settings."""
    return {path: need_under(settings, need) for path, need in NEEDS.items()}


def need_under(settings: GatewaySettings, need: Need | Closed) -> Need:
    """Return the need of a row; None if its path is open."""
    if isinstance(need, Closed):
        return need.need if getattr(settings, need.by) else None
    return need
