"""The OpenAPI document is valid and whole: generated clients are made from it."""

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
    found: dict[str, Any] = create_app(GatewaySettings(engine_url="http://127.0.0.1:1")).openapi()
    return found


def below(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from below(one)


def test_an_outside_validator_takes_it(document: dict[str, Any]) -> None:
    """openapi-spec-validator, by the specification of version 3.1."""
    validate(document, cls=OpenAPIV31SpecValidator)


def test_every_pointer_leads_somewhere(document: dict[str, Any]) -> None:
    """Of a schema that refers to another, too."""
    pointers = [one["$ref"] for one in below(document) if "$ref" in one]

    assert "#/components/schemas/Message" in pointers
    for pointer in pointers:
        found: Any = document
        for name in pointer.removeprefix("#/").split("/"):
            found = found[name]


def test_schemas_are_json_schema(document: dict[str, Any]) -> None:
    """With none of pydantic's own words, and with items for each list."""
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for one in below(document):
        assert PYDANTIC_S.isdisjoint(one)
        assert one.get("type") != "array" or "items" in one


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    """Generated clients make functions of them."""
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]

    assert len(set(names)) == len(names)
    assert document["components"]["securitySchemes"]


def test_what_is_no_answer_is_not_described_as_one(document: dict[str, Any]) -> None:
    """A count has no label, and a 501 is no success."""
    for path in ("/tokenize", "/detokenize", "/v1/messages/count_tokens"):
        assert "mmhie" not in str(document["paths"][path]["post"])
    embeddings = document["paths"]["/v1/embeddings"]["post"]["responses"]
    assert embeddings["501"]["description"] == "Not served here"
