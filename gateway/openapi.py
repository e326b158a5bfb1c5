"""The token paths in the OpenAPI document: they bypass FastAPI's routes, not its description."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from gateway.endpoints import TOKEN_ENDPOINTS, TokenEndpoint
from gateway.generate.handler import Generate
from gateway.generate.request import GenerateRequest, GenerateResponse
from gateway.proxy.token_counts import TokenCount
from gateway.routes.feedback import FeedbackRequest
from gateway.runtime.json_types import Json

# The error's schema, and the operations of both APIs.
PARTS: dict[str, Json] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
OBJECT: Json = {"type": "object"}
BOUNDS = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
}
KEY = "key"
SECURITY: list[Json] = [{KEY: []}, {}]  # an open gateway needs none
REFERENCE = "#/components/schemas/{model}"


def describe(app: FastAPI, *, max_tokens: int) -> None:
    """Add the token paths to the document FastAPI makes of the rest; `max_tokens` is the cap of
    this service's answers on /llm/generate."""
    of_routes = app.openapi

    def openapi() -> Json:
        document = of_routes()
        if not TOKEN_ENDPOINTS.keys() <= document["paths"].keys():
            of_framework = document.get("components", {}).get("schemas", {})
            document["components"] = {
                "schemas": schemas(max_tokens) | of_framework,
                "securitySchemes": {KEY: {"type": "http", "scheme": "bearer"}},
            }
            document["paths"] |= {
                path: {"post": operation(endpoint)} for path, endpoint in TOKEN_ENDPOINTS.items()
            }
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it


def schemas(max_tokens: int) -> Json:
    """Return the components: each model, and beside it those that it refers to."""
    models: tuple[type[BaseModel], ...] = (GenerateRequest, GenerateResponse, FeedbackRequest)
    own: Json = {}
    for model in models:
        schema = model.model_json_schema(ref_template=REFERENCE)
        own |= {**schema.pop("$defs", {}), model.__name__: schema}
    budget = own[GenerateRequest.__name__]["properties"]["max_tokens"]
    budget["default"] = budget["anyOf"][0]["maximum"] = max_tokens
    return {name: in_json_schema(schema) for name, schema in own.items()} | {
        "Error": PARTS["error"]
    }


def in_json_schema(value: Any) -> Any:
    """Return a schema with the bounds that pydantic leaves under its own names."""
    if isinstance(value, list):
        return [in_json_schema(member) for member in value]
    if not isinstance(value, dict):
        return value
    return {BOUNDS.get(name, name): in_json_schema(member) for name, member in value.items()}


def operation(endpoint: TokenEndpoint) -> Json:
    """POST /llm/generate in its three forms, a path of an API as the engine has it, or a count."""
    name = {"operationId": endpoint.path.strip("/").replace("/", "_"), "security": SECURITY}
    if isinstance(endpoint.handler, Generate):
        return PARTS["generate"] | name
    schema = {"application/json": {"schema": PARTS["bodies"].get(endpoint.path, OBJECT)}}
    kind = PARTS["count" if isinstance(endpoint.handler, TokenCount) else "openai"]
    return {
        **kind,
        **name,
        "requestBody": {"required": True, "content": schema},
        "summary": f"{endpoint.path.removeprefix('/v1/')}, as vLLM serves it",
    }
