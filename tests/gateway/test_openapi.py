"""The OpenAPI document is valid and complete: clients are generated from it."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from gateway.app import create_app
from gateway.settings.gateway import GatewaySettings


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = create_app(GatewaySettings(engine_url="http://127.0.0.1:1"))
    described: dict[str, Any] = app.openapi()
    return described


def test_an_outside_validator_takes_it(document: dict[str, Any]) -> None:
    """openapi-spec-validator accepts it as version 3.1; operation names become functions of
    clients."""
    validate(document, cls=OpenAPIV31SpecValidator)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert document["components"]["securitySchemes"]


def test_an_event_of_a_stream_is_described(document: dict[str, Any]) -> None:
    """A part of an answer, its end, or an error, each with a schema in the document."""
    answer = document["paths"]["/llm/generate"]["post"]["responses"]["200"]["content"]
    names = [
        each["$ref"].rpartition("/")[2] for each in answer["text/event-stream"]["schema"]["anyOf"]
    ]

    assert names == ["AnswerDelta", "AnswerFacts", "Error"]
    assert "delta" in document["components"]["schemas"][names[0]]["properties"]
    assert "finish_reason" in document["components"]["schemas"][names[1]]["required"]
