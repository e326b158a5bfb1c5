"""The OpenAPI document is valid and complete: clients are generated from it."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no stubs
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from gateway.app import create_app
from gateway.settings.gateway import GatewaySettings

PYDANTIC_S = {"ge", "gt", "le", "lt", "$defs"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = create_app(GatewaySettings(engine_url="http://127.0.0.1:1"))
    described: dict[str, Any] = app.openapi()
    return described


def below(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document."""
    if isinstance(value, dict):
        yield value
    for member in value.values() if isinstance(value, dict) else value:
        if isinstance(member, dict | list):
            yield from below(member)


def test_an_outside_validator_takes_it(document: dict[str, Any]) -> None:
    """openapi-spec-validator accepts it as version 3.1; operation names become functions of
    clients."""
    validate(document, cls=OpenAPIV31SpecValidator)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert document["components"]["securitySchemes"]


def test_every_pointer_leads_somewhere(document: dict[str, Any]) -> None:
    """Also within schemas that refer to others."""
    pointers = [schema["$ref"] for schema in below(document) if "$ref" in schema]

    assert "#/components/schemas/Message" in pointers
    for pointer in pointers:
        target: Any = document
        for name in pointer.removeprefix("#/").split("/"):
            target = target[name]


def test_schemas_are_json_schema(document: dict[str, Any]) -> None:
    """Without pydantic's own keywords, and with items for each list."""
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for node in below(document):
        assert PYDANTIC_S.isdisjoint(node)
        assert node.get("type") != "array" or "items" in node


def test_the_cap_on_answers_is_of_this_service() -> None:
    """MMHIE_MAX_TOKENS is maximum and default of the field."""
    settings = GatewaySettings(engine_url="http://127.0.0.1:1", max_tokens=64)
    described = create_app(settings).openapi()["components"]["schemas"]["GenerateRequest"]
    budget = described["properties"]["max_tokens"]

    assert budget["default"] == 64
    assert budget["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 64}


def test_what_is_no_answer_is_not_described_as_one(document: dict[str, Any]) -> None:
    """A token count has no label, and a 501 is no success."""
    for path in ("/tokenize", "/detokenize", "/v1/messages/count_tokens"):
        assert "mmhie" not in str(document["paths"][path]["post"])
    embeddings = document["paths"]["/v1/embeddings"]["post"]["responses"]
    assert embeddings["501"]["description"] == "Not served here"
