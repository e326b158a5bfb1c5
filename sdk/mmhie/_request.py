"""HTTP requests of the API, with their optional fields."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmhie._errors import RequestError
from mmhie._options import Options


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; body and options have patient data and are not in repr."""

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    accept: str = "application/json"
    options: Options = field(default=Options(), repr=False)

    def headers(self, key: str | None) -> dict[bytes, bytes]:
        """Return the headers in UTF-8, with the caller's key."""
        # identity: a compressing proxy would hold tokens back to fill its window
        headers = {"accept": self.accept, "accept-encoding": "identity", **self.options.headers}
        if self.body is not None:
            headers["content-type"] = "application/json"
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return {name.encode(): value.encode() for name, value in headers.items()}


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
    prompt: str, max_tokens: int, temperature: float, options: Options, *, stream: bool
) -> Request:
    """Return a request to /llm/generate; `stream` is explicit, as the server's default varies."""
    fields = {"prompt": prompt, "max_tokens": max_tokens, "temperature": temperature}
    body = encode_json({**fields, **options.body, "stream": stream})
    accept = "text/event-stream" if stream else "application/json"
    return Request("POST", "/llm/generate", body, accept, options)


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
    options: Options,
) -> Request:
    """Return a request to /v1/chat/completions; without a model, to the one that is served."""
    turns = [dict(message) for message in messages]
    named = {} if model is None else {"model": model}
    fields = {**named, "messages": turns, "max_tokens": max_tokens}
    body = encode_json({**fields, "temperature": temperature, **options.body, "stream": False})
    return Request("POST", "/v1/chat/completions", body, options=options)


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
