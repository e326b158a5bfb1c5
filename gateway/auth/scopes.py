"""What a path needs: nothing, any key, or a scope. What is not listed as open is closed."""

from collections.abc import Mapping
from typing import Literal

from gateway.principal import Scope

Need = Scope | Literal["any"] | None

# The console's files hold no secret either: it asks for a key, and every answer needs one.
CONSOLE = "/console/"

# The API's description is no secret; what health tells to whom is decided there.
PATHS: Mapping[str, Need] = {
    "/": None,
    "/healthz": "metrics",
    "/readyz": "metrics",
    "/docs": None,
    "/docs/oauth2-redirect": None,
    "/openapi.json": None,
    "/metrics": "metrics",
    "/v1/mmhie/load": "metrics",
    "/llm/generate": "generate",
    "/v1/mmhie/model-card": "any",
}


HEALTH = ("/healthz", "/readyz")


def need_of(path: str, *, protect_metrics: bool, protect_health: bool = False) -> Need:
    """What a caller must be allowed to do to reach a path; unknown paths need some key."""
    if path.startswith(CONSOLE):
        return None
    if path in PATHS:
        need = PATHS[path]
        is_protected = protect_health if path in HEALTH else protect_metrics
        return None if need == "metrics" and not is_protected else need
    return "openai" if path.startswith("/v1/") else "any"
