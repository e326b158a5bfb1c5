"""A route that the pipeline answers and FastAPI documents."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi.openapi.constants import REF_TEMPLATE
from fastapi.routing import APIRoute
from pydantic import BaseModel

from gateway.api.error_model import ERRORS
from gateway.pipeline import Handler, application

EVENTS: Mapping[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "Server-sent events, each with one JSON object as its data; `[DONE]` "
            "is the last.",
        }
    }
}
PLAIN: Mapping[str, Any] = {"text/plain": {"schema": {"type": "string"}}}


def events_of(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a stream whose events have one of these models as JSON."""
    schema = {
        "description": "The data of one event; `[DONE]` is the last.",
        "anyOf": [{"$ref": REF_TEMPLATE.format(model=model.__name__)} for model in models],
    }
    return {"text/event-stream": {"schema": schema}}


class PipelineRoute(APIRoute):
    """A POST route whose requests the pipeline answers.

    `operation` is never called; its signature and docstring describe the path in /openapi.json.
    The pipeline reads the body itself, within the memory budget; FastAPI's own handling would cost
    90 µs a request.
    """

    def __init__(
        self,
        path: str,
        handler: Handler,
        operation: Callable[..., object],
        *,
        tag: str = "openai",
        answer: str = "The engine's response with `mmhie`.",
        streams: Mapping[str, Any] = EVENTS,
    ) -> None:
        super().__init__(
            path,
            operation,
            methods=["POST"],
            tags=[tag],
            operation_id=path.strip("/").replace("/", "_"),
            response_description=answer,
            responses={200: {"content": dict(streams)}, **ERRORS},
        )
        self.app = application(handler)
