"""What a path needs: nothing, any key, or a scope. What is not listed as open is closed."""

from collections.abc import Mapping
from typing import Literal

from gateway.wire.client import Scope

Need = Scope | Literal["any"] | None

# The console's files hold no secret either: it asks for a key, and every answer needs one.
CONSOLE = "/console/"

# Neither the API's description nor liveness is a secret; what health tells is decided there.
PATHS: Mapping[str, Need] = {
    "/": None,
    "/healthz": None,
    "/readyz": None,
    "/docs": None,
    "/docs/oauth2-redirect": None,
    "/openapi.json": None,
    "/metrics": "metrics",
    "/v1/mmhie/load": "metrics",
    "/llm/generate": "generate",
    "/v1/mmhie/model-card": "any",
}


def need_of(path: str, *, protect_metrics: bool) -> Need:
    """What a caller must be allowed to do to reach a path; unknown paths need some key."""
    if path.startswith(CONSOLE):
        return None
    if path in PATHS:
        need = PATHS[path]
        return None if need == "metrics" and not protect_metrics else need
    return "openai" if path.startswith("/v1/") else "any"
