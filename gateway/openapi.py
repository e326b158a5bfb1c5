"""The token paths in the OpenAPI document: they bypass FastAPI's routes, not its description."""

from fastapi import FastAPI
from pydantic import BaseModel

from gateway.endpoints import TOKEN_ENDPOINTS, TokenEndpoint
from gateway.generate.door import Generate
from gateway.generate.request import GenerateRequest, GenerateResponse
from gateway.json_types import Json

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

    def openapi() -> Json:
        document = of_routes()
        if not TOKEN_ENDPOINTS.keys() <= document["paths"].keys():
            document["components"] = {"schemas": schemas() | document_schemas(document)}
            document["paths"] |= {
                path: {"post": operation(endpoint)} for path, endpoint in TOKEN_ENDPOINTS.items()
            }
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it


def document_schemas(document: Json) -> Json:
    found: Json = document.get("components", {}).get("schemas", {})
    return found


def schemas() -> Json:
    models: tuple[type[BaseModel], ...] = (GenerateRequest, GenerateResponse)
    own = {model.__name__: model.model_json_schema(ref_template=REFERENCE) for model in models}
    return own | {"Error": ERROR_SCHEMA}


def operation(endpoint: TokenEndpoint) -> Json:
    if isinstance(endpoint.door, Generate):
        return generate_operation()
    return openai_operation(endpoint.path)


def generate_operation() -> Json:
    """POST /llm/generate in its three forms."""
    return {
        "tags": ["generate"],
        "summary": "Answer a prompt",
        "description": "JSON by default; with `stream`, server-sent events, or plain text if "
        "`Accept` is text/plain.",
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


def openai_operation(path: str) -> Json:
    """A path of the OpenAI API as the engine serves it."""
    return {
        "tags": ["openai"],
        "summary": f"{path.removeprefix('/v1/')}, as vLLM serves it",
        "description": "vLLM's own request and response, with one additional key, `mmhie`.",
        "requestBody": body({"type": "object"}),
        "responses": {
            "200": {
                "description": "The engine's response with `mmhie`.",
                "content": {
                    "application/json": {"schema": {"type": "object"}},
                    "text/event-stream": {"schema": {"type": "string"}},
                },
            },
            "default": failure(),
        },
    }


def body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def failure() -> Json:
    return {
        "description": "The error.",
        "content": {"application/json": {"schema": ref("Error")}},
    }


def ref(model: str) -> Json:
    return {"$ref": REFERENCE.format(model=model)}
