"""Every endpoint in one table: path, scope, handler. To add one, add its file and a row here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from gateway.api import paths
from gateway.auth.gate import Need
from gateway.generate.handler import Generate
from gateway.pipeline import Handler
from gateway.proxy.handler import PassThrough
from gateway.proxy.token_counts import TokenCount
from gateway.routes import embeddings, feedback, health, metrics, model_card, models
from gateway.settings.gateway import GatewaySettings

# What any path may answer in place of its own response; see gateway/openapi.json.
ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "The error.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
}


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """POST: answers through the pipeline, past the framework."""

    path: str
    need: Need
    handler: Handler


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route of FastAPI's. `need` may be lifted: without that setting the path is open."""

    path: str
    need: Need
    handler: Callable[..., Awaitable[object]]
    tag: Literal["feedback", "health", "openai"]
    method: Literal["GET", "POST"] = "GET"
    takes_head: bool = False
    media: type[Response] = JSONResponse
    status: int = 200
    unready: bool = False  # may answer 503 in the form of its 200
    closed_by: Literal["protect_health", "protects_metrics"] | None = None
    body: type[BaseModel] | None = None  # which the handler reads by itself

    def add_to(self, app: FastAPI) -> None:
        """Add the route; HEAD is not in the API's description."""
        app.add_api_route(
            self.path,
            self.handler,
            methods=[self.method],
            tags=[self.tag],
            status_code=self.status,
            response_class=self.media,
            openapi_extra=described(self.body),
            responses=self.responses(),
        )
        if self.takes_head:
            app.add_api_route(self.path, self.handler, methods=["HEAD"], include_in_schema=False)

    def responses(self) -> dict[int | str, dict[str, Any]]:
        """Return the responses that the path may give beside its 200."""
        named = {501: "Not served here"} if self.status == 501 else {}
        named |= {503: "Not ready"} if self.unready else {}
        return {status: {"description": text} for status, text in named.items()} | ERRORS


def described(body: type[BaseModel] | None) -> dict[str, object] | None:
    """Return a request's body as OpenAPI has it."""
    if body is None:
        return None
    schema = {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


ENDPOINTS: tuple[TokenEndpoint | Endpoint, ...] = (
    TokenEndpoint(paths.GENERATE, "generate", Generate()),
    TokenEndpoint(paths.CHAT, "openai", PassThrough(paths.CHAT)),
    TokenEndpoint(paths.COMPLETIONS, "openai", PassThrough(paths.COMPLETIONS)),
    TokenEndpoint(paths.RESPONSES, "openai", PassThrough(paths.RESPONSES)),
    TokenEndpoint(paths.MESSAGES, "openai", PassThrough(paths.MESSAGES)),
    TokenEndpoint(paths.COUNT, "openai", TokenCount(paths.COUNT)),
    TokenEndpoint(paths.TOKENIZE, "openai", TokenCount(paths.TOKENIZE)),
    TokenEndpoint(paths.DETOKENIZE, "openai", TokenCount(paths.DETOKENIZE)),
    Endpoint("/v1/models", "openai", models.models, "openai"),
    Endpoint("/v1/models/{model_id:path}", "openai", models.model, "openai"),
    Endpoint("/v1/embeddings", "openai", embeddings.embeddings, "openai", "POST", status=501),
    Endpoint("/v1/mmhie/model-card", "any", model_card.model_card, "health"),
    Endpoint(
        *("/v1/mmhie/feedback", "feedback", feedback.feedback, "feedback", "POST"),
        body=feedback.FeedbackRequest,
    ),
    Endpoint("/v1/mmhie/load", "metrics", metrics.load, "health", closed_by="protects_metrics"),
    Endpoint(
        *("/metrics", "metrics", metrics.metrics, "health"),
        takes_head=True,
        closed_by="protects_metrics",
        media=PlainTextResponse,
    ),
    Endpoint(
        *("/healthz", "metrics", health.healthz, "health"),
        takes_head=True,
        closed_by="protect_health",
    ),
    Endpoint(
        *("/readyz", "metrics", health.readyz, "health"),
        takes_head=True,
        closed_by="protect_health",
        unready=True,
    ),
    Endpoint(  # vLLM's name for it: load tests and routers look for an engine there
        *("/health", "metrics", health.readyz, "health"),
        takes_head=True,
        closed_by="protect_health",
        unready=True,
    ),
)
TOKEN_ENDPOINTS: Mapping[str, TokenEndpoint] = {
    endpoint.path: endpoint for endpoint in ENDPOINTS if isinstance(endpoint, TokenEndpoint)
}
# The API's description and the console's page are no secret: every answer needs a key.
OPEN_PATHS = ("/", "/docs", "/openapi.json")


def add_routes(app: FastAPI) -> None:
    """Add every endpoint that the framework serves."""
    for endpoint in ENDPOINTS:
        if isinstance(endpoint, Endpoint):
            endpoint.add_to(app)


def needs_of(settings: GatewaySettings) -> Mapping[str, Need]:
    """The need of every path that is declared, under these settings."""
    return dict.fromkeys(OPEN_PATHS) | {
        endpoint.path: need_of(endpoint, settings) for endpoint in ENDPOINTS
    }


def need_of(endpoint: TokenEndpoint | Endpoint, settings: GatewaySettings) -> Need:
    """The scope an endpoint needs; None where it is open."""
    if isinstance(endpoint, Endpoint) and endpoint.closed_by is not None:
        return endpoint.need if getattr(settings, endpoint.closed_by) else None
    return endpoint.need
