"""Errors for clients of Anthropic's API: its `type` names, with all fields of our own errors."""

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


def envelope(error: GatewayError, request_id: str) -> Json:
    """Return the body of an error as Anthropic's clients parse it."""
    others = "api_error" if error.status >= 500 else "invalid_request_error"
    return {
        "type": "error",
        "error": {**error.envelope()["error"], "type": TYPES.get(error.status, others)},
        "request_id": request_id,
    }


def body(error: GatewayError, *, request_id: str) -> bytes:
    return orjson.dumps(envelope(error, request_id))
