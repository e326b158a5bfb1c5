"""The table of endpoints: what each path needs; what is not declared is closed."""

from typing import Any

import pytest

from gateway.auth.gate import Gate, Need
from gateway.endpoints import ENDPOINTS, TokenEndpoint, needs_of
from gateway.settings.gateway import GatewaySettings


def need_of(path: str, **settings: Any) -> Need:
    """Return the scope that a gate with these settings asks for at a path."""
    return Gate(b"salt", needs=needs_of(GatewaySettings.model_construct(**settings))).need(path)


@pytest.mark.parametrize(
    ("path", "need"),
    [
        ("/healthz", None),
        ("/readyz", None),
        ("/health", None),
        ("/metrics", None),
        ("/openapi.json", None),
        ("/", None),
        ("/console/main.js", None),
        ("/docs/start.js", None),
        ("/console", "any"),
        ("/v1/mmhie/load", None),
        ("/llm/generate", "generate"),
        ("/v1/chat/completions", "openai"),
        ("/v1/models", "openai"),
        ("/v1/anything/new", "openai"),
        ("/v1/mmhie/model-card", "any"),
        ("/v1/mmhie/feedback", "feedback"),
        ("/llm/generate/", "any"),
        ("//healthz", "any"),
        ("/HEALTHZ", "any"),
        ("/v1/messages", "openai"),
        ("/v1/messages/count_tokens", "openai"),
        ("/tokenize", "openai"),
        ("/detokenize", "openai"),
        ("/tokenizer_info", "any"),
        ("", "any"),
    ],
)
def test_what_a_path_needs(path: str, need: str | None) -> None:
    """Spellings that no route has are not open either."""
    assert need_of(path) == need


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/health"])
def test_health_on_request(path: str) -> None:
    """MMHIE_PROTECT_HEALTH closes health by itself, to keys without the scope of monitoring."""
    assert need_of(path, protect_metrics=True) is None
    assert need_of(path, protect_health=True) == "metrics"
    assert need_of("/metrics", protect_health=True) is None


def test_metrics_on_request() -> None:
    """MMHIE_PROTECT_METRICS closes /metrics and the load to keys without that scope."""
    assert need_of("/v1/mmhie/load", protect_metrics=True) == "metrics"
    assert need_of("/metrics", protect_metrics=True) == "metrics"


def test_metrics_in_production() -> None:
    """Closed there, unless MMHIE_PROTECT_METRICS opens them."""
    for path in ("/metrics", "/v1/mmhie/load"):
        assert need_of(path, env="production") == "metrics"
        assert need_of(path, env="production", protect_metrics=False) is None


def test_the_model_card_on_request() -> None:
    """Any key will do; MMHIE_PROTECT_MODEL_CARD=false opens it to browsers, also in production."""
    assert need_of("/v1/mmhie/model-card", protect_model_card=True) == "any"
    assert need_of("/v1/mmhie/model-card", protect_model_card=False, env="production") is None


def test_a_path_is_declared_once() -> None:
    """Two rows for one path would have two needs."""
    paths = [endpoint.path for endpoint in ENDPOINTS]
    assert len(paths) == len(set(paths))


def test_every_answer_of_a_model_needs_a_scope() -> None:
    """Token paths are never open."""
    assert all(endpoint.need for endpoint in ENDPOINTS if isinstance(endpoint, TokenEndpoint))
