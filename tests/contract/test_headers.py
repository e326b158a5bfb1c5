"""The headers every response carries, errors and streams included."""

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES, Surface, name_of
from tests.fake_engine.process import FakeEngine

REQUEST_ID, VERSION, AI = "x-request-id", "x-mmhie-disclaimer-version", "x-mmhie-ai-generated"

FROM_US = {
    *("date", "content-type", "content-length", "transfer-encoding", "cache-control", "connection"),
    *("x-accel-buffering", "x-request-id", "request-id"),  # that one on Anthropic's paths
    *("x-mmhie-ai-generated", "x-mmhie-disclaimer-version"),
}
PLAIN = (
    ("GET", "/healthz", 200),
    ("HEAD", "/metrics", 200),
    ("HEAD", "/health", 200),
    ("GET", "/v1/models/fake-model", 200),
    ("GET", "/v1/mmhie/model-card", 200),
    ("GET", "/nothing-here", 404),
    ("PUT", "/healthz", 405),
    ("POST", "/v1/embeddings", 501),
    ("POST", "/v1/chat/completions", 400),
)


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_model_output_is_labelled(gateway: Gateway, surface: Surface) -> None:
    """An id, the disclaimer's version, and the mark that a model wrote this; no proxy and no
    browser keeps an answer about a patient."""
    answer = surface.ask(gateway.client)

    assert answer.status_code == 200
    assert answer.headers[REQUEST_ID]
    assert answer.headers[VERSION]
    assert answer.headers[AI] == "true"
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers.keys() <= FROM_US


@pytest.mark.parametrize(("method", "path", "status"), PLAIN)
def test_everything_else_is_identified(
    gateway: Gateway, method: str, path: str, status: int
) -> None:
    """Id and version are there too; the AI mark is not, no model spoke."""
    answer = gateway.client.request(method, path)

    assert answer.status_code == status
    assert answer.headers[REQUEST_ID]
    assert answer.headers[VERSION]
    assert AI not in answer.headers


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_a_sane_request_id_is_kept(gateway: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """The caller's id comes back, and reaches the engine's own logs."""
    headers = {**surface.headers, "x-request-id": "order-66_a.b"}
    answer = gateway.client.post(surface.path, json=surface.body(), headers=headers)

    assert answer.headers[REQUEST_ID] == "order-66_a.b"
    (seen,) = engine.seen(surface.engine_path)
    assert seen["headers"]["x-request-id"] == "order-66_a.b"
