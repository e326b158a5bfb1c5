"""The token paths in the OpenAPI document: they bypass FastAPI's routes, not its description."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from gateway.generate.request import GenerateRequest, GenerateResponse
from gateway.routes import generate, openai

ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "integer", "null"]},
            },
        }
    },
}
REFERENCE = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Add the token paths to the document FastAPI makes of the rest."""
    of_routes = app.openapi

    def openapi() -> dict[str, Any]:
        document = of_routes()
        if generate.PATH not in document["paths"]:
            document["components"] = {"schemas": schemas() | document_schemas(document)}
            document["paths"] |= {generate.PATH: {"post": generate_operation()}}
            document["paths"] |= {path: {"post": openai_operation(path)} for path in openai.PATHS}
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it


def document_schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document.get("components", {}).get("schemas", {})
    return found


def schemas() -> dict[str, Any]:
    models: tuple[type[BaseModel], ...] = (GenerateRequest, GenerateResponse)
    own = {model.__name__: model.model_json_schema(ref_template=REFERENCE) for model in models}
    return own | {"Error": ERROR_SCHEMA}


def generate_operation() -> dict[str, Any]:
    """POST /llm/generate in its three forms."""
    return {
        "tags": ["generate"],
        "summary": "Answer a prompt",
        "description": "JSON; or, with `stream`, server-sent events, or plain text when that is "
        "what `Accept` asks for.",
        "requestBody": body(ref("GenerateRequest")),
        "responses": {
            "200": {
                "description": "The answer.",
                "content": {
                    "application/json": {"schema": ref("GenerateResponse")},
                    "text/event-stream": {"schema": {"type": "string"}},
                    "text/plain": {"schema": {"type": "string"}},
                },
            },
            "default": failure(),
        },
    }


def openai_operation(path: str) -> dict[str, Any]:
    """A path of the OpenAI API as the engine serves it."""
    return {
        "tags": ["openai"],
        "summary": f"{path.removeprefix('/v1/')}, as vLLM serves it",
        "description": "vLLM's own request and response; the answer has one more key, `mmhie`.",
        "requestBody": body({"type": "object"}),
        "responses": {
            "200": {
                "description": "The engine's answer, labelled.",
                "content": {
                    "application/json": {"schema": {"type": "object"}},
                    "text/event-stream": {"schema": {"type": "string"}},
                },
            },
            "default": failure(),
        },
    }


def body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def failure() -> dict[str, Any]:
    return {
        "description": "What went wrong.",
        "content": {"application/json": {"schema": ref("Error")}},
    }


def ref(model: str) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=model)}
