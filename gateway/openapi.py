"""The token paths in the OpenAPI document: they bypass FastAPI's routes, not its description."""

import json
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel

from gateway.endpoints import TOKEN_ENDPOINTS, TokenEndpoint
from gateway.generate.handler import Generate
from gateway.generate.request import GenerateRequest, GenerateResponse
from gateway.json_types import Json
from gateway.routes.feedback import FeedbackRequest

# The error's schema, and the operations of both APIs.
PARTS: dict[str, Json] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
OBJECT: Json = {"type": "object"}
REFERENCE = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Add the token paths to the document FastAPI makes of the rest."""
    of_routes = app.openapi

    def openapi() -> Json:
        document = of_routes()
        if not TOKEN_ENDPOINTS.keys() <= document["paths"].keys():
            of_framework = document.get("components", {}).get("schemas", {})
            document["components"] = {"schemas": schemas() | of_framework}
            document["paths"] |= {
                path: {"post": operation(endpoint)} for path, endpoint in TOKEN_ENDPOINTS.items()
            }
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it


def schemas() -> Json:
    models: tuple[type[BaseModel], ...] = (GenerateRequest, GenerateResponse, FeedbackRequest)
    own = {model.__name__: model.model_json_schema(ref_template=REFERENCE) for model in models}
    return own | {"Error": PARTS["error"]}


def operation(endpoint: TokenEndpoint) -> Json:
    """POST /llm/generate in its three forms, or a path of the OpenAI API as the engine has it."""
    if isinstance(endpoint.handler, Generate):
        return PARTS["generate"]
    schema = {"application/json": {"schema": PARTS["bodies"].get(endpoint.path, OBJECT)}}
    return {
        **PARTS["openai"],
        "requestBody": {"required": True, "content": schema},
        "summary": f"{endpoint.path.removeprefix('/v1/')}, as vLLM serves it",
    }
