"""Errors in the shape of Anthropic's API: its names for `type`, beside all that ours have."""

from collections.abc import Mapping

import orjson

from gateway.errors import GatewayError
from gateway.runtime.json_types import Json

TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def type_of(status: int) -> str:
    """Anthropic's name for the errors of a status."""
    return TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def envelope(error: GatewayError, request_id: str) -> Json:
    """The error as Anthropic's clients parse it."""
    ours = error.envelope()["error"]
    return {
        "type": "error",
        "error": {**ours, "type": type_of(error.status)},
        "request_id": request_id,
    }


def body(error: GatewayError, *, request_id: str) -> bytes:
    return orjson.dumps(envelope(error, request_id))
