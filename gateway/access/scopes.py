"""What a path needs: nothing, any key, or a scope. What is not listed as open is closed."""

from collections.abc import Mapping
from typing import Literal

from gateway.wire.client import Scope

Need = Scope | Literal["any"] | None

# Neither the API's description nor liveness is a secret; what health tells is decided there.
PATHS: Mapping[str, Need] = {
    "/healthz": None,
    "/readyz": None,
    "/docs": None,
    "/docs/oauth2-redirect": None,
    "/openapi.json": None,
    "/metrics": "metrics",
    "/llm/generate": "generate",
    "/v1/mmhie/model-card": "any",
}


def need_of(path: str, *, protect_metrics: bool) -> Need:
    """What a caller must be allowed to do to reach a path; unknown paths need some key."""
    if path == "/metrics" and not protect_metrics:
        return None
    if path in PATHS:
        return PATHS[path]
    return "openai" if path.startswith("/v1/") else "any"
