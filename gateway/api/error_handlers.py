"""Errors of FastAPI as the gateway's own, which `Correlation` renders."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.errors import (
    FAULT,
    GatewayError,
    InternalError,
    InvalidField,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)

# What clients append to their base URL, where it lacks the /v1.
UNDER_V1 = frozenset({"/chat/completions", "/completions", "/messages", "/models", "/responses"})

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


async def http_error(request: Request, error: HTTPException) -> Response:
    """Raise Starlette's refusal, of a path or a method, as an error of the gateway's."""
    if error.status_code == 404:
        raise NotFound(nothing_at(request.url.path)) from None
    raise from_http(error) from None


def nothing_at(path: str) -> str:
    """The sentence for a path that is not there: most often a client's base URL is not right."""
    if path in UNDER_V1:
        return "There is nothing at this path; let the client's base URL end with /v1."
    if path.startswith("/v1/v1/"):
        return "There is nothing at this path; let the client's base URL end without /v1."
    return "There is nothing at this path; the API is described at /docs."


async def validation_error(request: Request, error: RequestValidationError) -> Response:
    """Raise InvalidField: FastAPI's default body quotes the input, which may be a patient's."""
    place = ".".join(str(part) for part in error.errors()[0]["loc"][1:])
    raise InvalidField(
        f"{place or 'The request'} is not valid; the API is described at /docs."
    ) from None


def from_http(error: HTTPException) -> GatewayError:
    """Starlette's refusals by status."""
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed(
            f"This path does not take that method; it takes {allow}.", allow=allow
        )
    if error.status_code < 500:
        return InvalidRequest(
            "The request is not valid HTTP for this path; the API is described at /docs."
        )
    return InternalError(FAULT)


HANDLERS: dict[int | type[Exception], Handler] = {
    HTTPException: http_error,
    RequestValidationError: validation_error,
}
