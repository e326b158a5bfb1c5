"""Every endpoint in one table: its routes and the scope it needs.

To add one, add its file in `gateway/routes` and a row here. A path without a row is closed.
"""

from collections.abc import Mapping
from typing import Final

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
    signing_key,
)
from gateway.settings.gateway import GatewaySettings

# Answered by the pipeline; they come before the framework's own routes.
PIPELINE_ROUTES = (generate.ROUTE, *engine_api.ROUTES)
TOKEN_PATHS = frozenset(route.path for route in PIPELINE_ROUTES)
ROUTERS: tuple[APIRouter, ...] = (
    models.router,
    embeddings.router,
    model_card.router,
    signing_key.router,
    feedback.router,
    metrics.router,
    health.router,
)


METRICS: Final = ("/metrics", "/v1/mmhie/load")  # open outside of production
NEEDS: Mapping[str, Need] = {
    paths.GENERATE: "generate",
    **{route.path: "openai" for route in engine_api.ROUTES},
    "/v1/models": "openai",
    "/v1/embeddings": "openai",
    "/v1/mmhie/model-card": "any",
    "/v1/mmhie/feedback": "feedback",
    **dict.fromkeys(METRICS, "metrics"),
    # Without a key, health has no details in production; probes have no key.
    "/healthz": None,
    "/readyz": None,
    "/health": None,
    # The API's description, the console's page and the public key are for everybody.
    "/": None,
    "/docs": None,
    "/v1/mmhie/signing-key": None,
    "/openapi.json": None,
}


def add_routes(app: FastAPI) -> None:
    app.router.routes[:0] = PIPELINE_ROUTES
    for router in ROUTERS:
        app.include_router(router, responses=ERRORS)


def needs_of(settings: GatewaySettings) -> Mapping[str, Need]:
    """Return the need of every path in the table for these settings."""
    return NEEDS if settings.env == "production" else {**NEEDS, **dict.fromkeys(METRICS)}
