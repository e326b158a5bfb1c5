"""What the engine's refusals become: the caller's mistakes stay theirs, ours are named ours."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from gateway.errors import (
    EngineGarbled,
    EngineRejected,
    EngineUnavailable,
    GatewayError,
    RequestError,
)

SHORTEST_ECHO = 4
WITHHELD = "[…]"
# Words of the API, not of a patient: an error about "tool_choice": "auto" has to say auto.
_API_WORDS = (
    "auto none required user system developer assistant tool function text json_object json_schema"
    " object string number integer boolean array medium high"
)
API_WORDS = frozenset(_API_WORDS.split())
# pydantic's error text ends each finding with the input that caused it.
_INPUT_ECHO = re.compile(r",?\s*'input':.*?(?=, '(?:ctx|url)':|\}|$)|\[?input_value=.*", re.DOTALL)


class EngineRefusal(RequestError):
    """A 4xx of the engine: its status, type, param and code, its sentence without the request."""

    def __init__(self, status: int, error: dict[str, Any], message: str) -> None:
        super().__init__(message, param=error.get("param"))
        self.status = status  # type: ignore[misc] # the engine's, not the class's
        self.fields = {**error, "message": message}

    def envelope(self) -> dict[str, Any]:
        return {"error": self.fields}


def translate(status: int, body: bytes, request: object = None) -> GatewayError:
    """The error that an engine's response with this status and body means.

    `request` is the parsed request: whatever text of it the engine quotes back is withheld.
    """
    if status in (401, 403):
        return EngineRejected("The engine refused the gateway's own key (MMHIE_ENGINE_API_KEY).")
    if status in (429, 503):
        return EngineUnavailable("The engine takes no more requests now.", retry_after_s=1)
    if 400 <= status < 500:
        return refusal(status, body, request)
    if status >= 500:
        return EngineRejected(f"The engine failed this request (status {status}).")
    return EngineGarbled(f"The engine answered with an unexpected status ({status}).")


def refusal(status: int, body: bytes, request: object) -> EngineRefusal:
    error = error_object(body)
    message = error.get("message")
    if not isinstance(message, str):
        message = f"The engine refused this request (status {status})."
        error = {"type": "invalid_request_error", "param": None, "code": status}
    return EngineRefusal(status, error, withhold(message, request))


def error_object(body: bytes) -> dict[str, Any]:
    """The `error` object of an engine's error body; empty when there is none."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else {}


def withhold(message: str, request: object) -> str:
    """The message without anything the request said: error texts end up in logs and tickets."""
    message = _INPUT_ECHO.sub("", message)
    for text in sorted(set(strings(request)), key=len, reverse=True):
        message = message.replace(text, WITHHELD)
    return message


def strings(value: object) -> Iterator[str]:
    """Every string in a parsed request, field names of free-form objects included."""
    if isinstance(value, str):
        if len(value) >= SHORTEST_ECHO and value not in API_WORDS:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
