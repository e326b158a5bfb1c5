"""Translate the engine's errors: mistakes of callers stay 4xx, faults of the engine are 5xx."""

import json
import re

from gateway.api.paths import MESSAGES
from gateway.engine.error_text import WITHHELD, is_name, redact
from gateway.errors import (
    EngineGarbled,
    EngineRejected,
    EngineUnavailable,
    GatewayError,
    InputTooLong,
    RequestError,
)
from gateway.runtime.json_types import Json

TOO_LONG = "exceed_context_size_error"  # llama.cpp's error type
LONGEST_PARAM = 256
# Names of the engine's classes: `BadRequestError`.
NAME = re.compile(r"[A-Za-z_]\w{0,63}")
# On /v1/messages an error of Python's JSON parser is about text of the model: the request's own
# JSON has been parsed by the gateway. So is pydantic's about an input that is no object.
BROKEN_INPUT = re.compile(
    r": line \d+ column \d+ \(char \d+\)\Z|\A1 validation error for AnthropicContentBlock\ninput\n"
)
# Of an error body, which is read on the event loop: 1 ms. A message that quotes megabytes of the
# request is cut, and so is the JSON around it.
MOST_BYTES = 64 * 1024
CUT = re.compile(
    rb'\s*+\{\s*+"error"\s*+:\s*+\{\s*+"message"\s*+:\s*+"(?:[^"\\]|\\.){1,4096}+', re.DOTALL
)


class EngineRefusal(RequestError):
    """A 4xx of the engine: its status, type, param and code, and its redacted message.

    The trail has neither message nor param: their numbers may be the caller's.
    """

    is_recorded = False

    def __init__(self, status: int, error: Json, message: str) -> None:
        super().__init__(message)
        self._details = {name: error.get(name) for name in ("type", "param", "code")}
        self.status = status  # type: ignore[misc] # the engine's, not the class's

    def details(self) -> Json:
        return {"message": self.message, **self._details}


def translate(status: int, body: bytes, *, path: str = "") -> GatewayError:
    """Return the error for an engine's response with this status and body, which may be cut."""
    if status in (401, 403):
        return EngineRejected("The engine refused the gateway's key; check MMHIE_ENGINE_API_KEY.")
    if status in (429, 503):
        return EngineUnavailable("The engine is busy; try again.", retry_after_s=1)
    if 400 <= status < 500:
        return refusal(status, error_object(body), path)
    if status >= 500:
        return EngineRejected(f"The engine failed this request (status {status}); try again.")
    return EngineGarbled(f"The engine answered with an unexpected status ({status}).")


def translate_event(content: bytes) -> GatewayError:
    """Return the error for an error object in a stream.

    vLLM finds some mistakes in a request only after it has sent 200. The object's `code` is then
    the status that it would have sent.
    """
    code = error_object(content).get("code")
    if isinstance(code, int) and 400 <= code < 500:
        return translate(code, content)
    return EngineRejected("The engine failed while it was answering; try again.")


def refusal(status: int, error: Json, path: str) -> GatewayError:
    """Return the error for a refusal of the engine: the caller's fault, with few exceptions."""
    message = error.get("message")
    ours = {"type": "invalid_request_error", "param": None, "code": status}
    if not isinstance(message, str):
        return EngineRefusal(status, ours, f"The engine refused this request (status {status}).")
    if path == MESSAGES and status == 400 and BROKEN_INPUT.search(message):
        return EngineRejected(
            "The model called a tool with an input that is not a JSON object; try again."
        )
    if error.get("type") == TOO_LONG:
        too_long = InputTooLong(redact(message))
        too_long.is_recorded = False
        return too_long
    shown = {name: redact_field(name, error[name]) for name in ours if name in error}
    return EngineRefusal(status, ours | shown, redact(message))


def redact_field(name: str, value: object) -> object:
    """Return another field of the error if it is the engine's own: a class name, a number, or the
    path of a field of the API."""
    if not isinstance(value, str):
        return value if value is None or isinstance(value, int) else WITHHELD
    if name != "param":
        return value if NAME.fullmatch(value) else redact(value)
    is_field = len(value) <= LONGEST_PARAM and (not value or is_name(value))
    return value if is_field else WITHHELD


def error_object(body: bytes) -> Json:
    """Return the `error` object of an engine's error body; only the beginning of the message if
    the body is long, and an empty object if there is none."""
    if len(body) >= MOST_BYTES:
        start = CUT.match(body)
        body = start.group() + b'"}}' if start else b""
    try:
        parsed = json.loads(body.decode(errors="ignore"), strict=False)
    except (ValueError, RecursionError):
        return {}
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else {}
