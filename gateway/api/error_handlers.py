"""Handlers that turn FastAPI's errors into the gateway's own, which `Correlation` renders."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.errors import (
    FAULT,
    InternalError,
    InvalidField,
    MethodNotAllowed,
    NotFound,
)

# The paths of clients whose base URL lacks the /v1.
UNDER_V1 = frozenset({"/chat/completions", "/completions", "/messages", "/models", "/responses"})

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


async def http_error(request: Request, error: HTTPException) -> Response:
    """Raise the gateway's error for a path or method that Starlette has refused."""
    if error.status_code == 404:
        raise NotFound(explain_not_found(request.url.path)) from None
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        message = f"This path does not take that method; it takes {allow}."
        raise MethodNotAllowed(message, allow=allow) from None
    raise InternalError(FAULT) from None


def explain_not_found(path: str) -> str:
    """Return the sentence for an unknown path; often the client's base URL is wrong."""
    if path in UNDER_V1:
        return "There is nothing at this path; let the client's base URL end with /v1."
    if path.startswith("/v1/v1/"):
        return "There is nothing at this path; let the client's base URL end without /v1."
    return "There is nothing at this path; the API is described at /docs."


async def validation_error(request: Request, error: RequestValidationError) -> Response:
    """Raise InvalidField; FastAPI's default body would quote the input."""
    place = ".".join(str(part) for part in error.errors()[0]["loc"][1:])
    raise InvalidField(
        f"{place or 'The request'} is not valid; the API is described at /docs."
    ) from None


HANDLERS: dict[int | type[Exception], Handler] = {
    HTTPException: http_error,
    RequestValidationError: validation_error,
}
