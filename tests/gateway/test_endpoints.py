"""The table of endpoints: the scope of each path; undeclared paths are closed."""

from typing import Any

import pytest
from fastapi.routing import APIRoute

from gateway.app import create_app
from gateway.auth.gate import Gate, Need
from gateway.endpoints import NEEDS, TOKEN_PATHS, needs_of
from gateway.settings.gateway import GatewaySettings


def need_of(path: str, **settings: Any) -> Need:
    """Return the scope that a gate with these settings requires for a path."""
    return Gate(b"salt", needs=needs_of(GatewaySettings.model_construct(**settings))).need(path)


@pytest.mark.parametrize(
    ("need", "paths"),
    [
        (None, ("/healthz", "/readyz", "/health", "/metrics", "/openapi.json", "/")),
        (None, ("/console/main.js", "/docs/start.js", "/v1/mmhie/load")),
        (None, ("/v1/mmhie/signing-key",)),
        ("generate", ("/llm/generate",)),
        ("openai", ("/v1/chat/completions", "/v1/models", "/v1/anything/new", "/v1/messages")),
        ("openai", ("/v1/messages/count_tokens", "/tokenize", "/detokenize")),
        ("feedback", ("/v1/mmhie/feedback",)),
        ("any", ("/console", "/v1/mmhie/model-card", "/tokenizer_info", "")),
        ("any", ("/llm/generate/", "//healthz", "/HEALTHZ")),
    ],
)
def test_what_a_path_needs(need: str | None, paths: tuple[str, ...]) -> None:
    """Other spellings of a path are closed, too."""
    assert [need_of(path) for path in paths] == [need] * len(paths)


OPEN = {"/", "/docs", "/openapi.json"}


def test_every_route_has_a_row() -> None:
    """Each path is in the table, and token paths always need a scope."""
    app = create_app(GatewaySettings(engine_url="http://127.0.0.1:1"))
    paths = [route.path for route in app.routes if isinstance(route, APIRoute)]

    assert {path for path in paths if "{" not in path} - OPEN == set(NEEDS) - OPEN
    assert all(need_of(path) for path in TOKEN_PATHS)
