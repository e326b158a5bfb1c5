"""Errors on the framework's own paths have the gateway's format."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from gateway.app import create_app
from gateway.errors import FAULT
from gateway.settings.gateway import GatewaySettings

CANARY = "the patient said so"


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app(GatewaySettings(engine_url="unix:/nowhere"))

    async def broken() -> None:
        raise ValueError(CANARY)

    app.add_api_route("/docs/broken", broken)
    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_fault_is_an_error_object(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """It has no word of the exception, and is logged once."""
    answer = client.get("/docs/broken")

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert answer.json()["error"]["message"] == FAULT
    assert CANARY not in answer.text
    assert [record.message for record in caplog.records].count("fault") == 1


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("/chat/completions", "end with /v1."),
        ("/models", "end with /v1."),
        ("/v1/v1/messages", "end without /v1."),
        ("/nothing", "described at /docs."),
    ],
)
def test_a_base_url_that_is_not_right(client: TestClient, path: str, remedy: str) -> None:
    """The most frequent mistake of clients has its remedy."""
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"].endswith(remedy)
