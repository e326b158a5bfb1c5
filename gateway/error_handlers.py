"""How FastAPI's own refusals become the one error shape."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.errors import (
    GatewayError,
    InternalError,
    InvalidField,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def render(error: GatewayError) -> Response:
    return Response(
        error.body(), error.status, dict(error.headers()), media_type="application/json"
    )


async def gateway_error(request: Request, error: GatewayError) -> Response:
    request.scope["exchange"].outcome = error.code
    return render(error)


async def http_error(request: Request, error: HTTPException) -> Response:
    return await gateway_error(request, of_http(error))


async def validation_error(request: Request, error: RequestValidationError) -> Response:
    """FastAPI's default body quotes the input, which may be what a patient said."""
    place = ".".join(str(part) for part in error.errors()[0]["loc"][1:])
    return await gateway_error(request, InvalidField(f"{place or 'The body'} is wrong."))


def of_http(error: HTTPException) -> GatewayError:
    """Starlette's refusals by status."""
    if error.status_code == 404:
        return NotFound("There is nothing at this path; the API is described at /docs.")
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed("This path does not take that method.", allow=allow)
    if error.status_code < 500:
        return InvalidRequest("The request cannot be read.")
    return InternalError("The gateway failed; this was logged.")


HANDLERS: dict[int | type[Exception], Handler] = {
    GatewayError: gateway_error,
    HTTPException: http_error,
    RequestValidationError: validation_error,
}
