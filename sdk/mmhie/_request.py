"""HTTP requests of the API, with their optional fields."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from mmhie._errors import RequestError


class SamplingOptions(TypedDict, total=False):
    """Fields that `chat` takes beyond the original signature."""

    top_p: float
    seed: int
    stop: str | Sequence[str]
    reasoning_effort: Literal["low", "medium", "high"]
    include_reasoning: bool


class GenerateOptions(SamplingOptions, total=False):
    """Fields that `generate` and `stream` take beyond the original signature."""

    system: str
    history: Sequence[Mapping[str, str]]  # earlier turns, oldest first: {"role", "content"}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; the body has patient text and is not in repr."""

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    accept: str = "application/json"

    def headers(self) -> dict[str, str]:
        """Return Accept, Accept-Encoding and Content-Type."""
        # identity: a compressing proxy would hold tokens back to fill its window
        headers = {"accept": self.accept, "accept-encoding": "identity"}
        return headers if self.body is None else {**headers, "content-type": "application/json"}


NO_MESSAGES = (
    'chat takes a list of messages, [{"role": "user", "content": "..."}]; for a question as text '
    "call generate."
)
NOT_JSON = (
    "The request cannot be encoded as JSON; pass text that is valid Unicode, finite numbers, and "
    "no other types."
)
MODELS = Request("GET", "/v1/models")
READY = Request("GET", "/readyz")


def generate_request(
    prompt: str, max_tokens: int, temperature: float, options: Mapping[str, object], *, stream: bool
) -> Request:
    """Return a request to /llm/generate; `stream` is explicit, as the server's default varies."""
    fields = {"prompt": prompt, "max_tokens": max_tokens, "temperature": temperature}
    body = encode_json({**fields, **options, "stream": stream})
    accept = "text/event-stream" if stream else "application/json"
    return Request("POST", "/llm/generate", body, accept)


def refuse_text(messages: Sequence[object]) -> None:
    """Raise RequestError for what is no list of messages."""
    is_text = isinstance(messages, str | bytes) or not isinstance(messages, Sequence)
    if is_text or not all(isinstance(message, Mapping) for message in messages):
        raise RequestError(NO_MESSAGES, code="invalid_request")


def chat_request(
    messages: Sequence[Mapping[str, object]],
    model: str | None,
    max_tokens: int,
    temperature: float,
    options: Mapping[str, object],
) -> Request:
    """Return a request to /v1/chat/completions; without a model, to the one that is served."""
    turns = [dict(message) for message in messages]
    named = {} if model is None else {"model": model}
    fields = {**named, "messages": turns, "max_tokens": max_tokens}
    body = encode_json({**fields, "temperature": temperature, **options, "stream": False})
    return Request("POST", "/v1/chat/completions", body)


def encode_json(fields: Mapping[str, object]) -> bytes:
    """Return the fields as JSON. Raises RequestError."""
    body = _json(fields)
    if body is None:
        raise RequestError(NOT_JSON, code="invalid_request")
    return body


def _json(fields: Mapping[str, object]) -> bytes | None:
    """Return None on failure: the codec's exceptions have the text, so none is raised."""
    try:
        return json.dumps(
            fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError):
        return None
