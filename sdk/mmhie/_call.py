"""Questions, as HTTP requests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmhie._errors import InvalidRequestError


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; the body holds patient text and is kept out of repr."""

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    accept: str = "application/json"

    def headers(self) -> dict[str, str]:
        # identity: a compressing proxy would hold tokens back to fill its window
        headers = {"accept": self.accept, "accept-encoding": "identity"}
        return headers if self.body is None else {**headers, "content-type": "application/json"}


MODELS = Call("GET", "/v1/models")
READY = Call("GET", "/readyz")


def generate_call(
    prompt: str, max_tokens: int, temperature: float, options: Mapping[str, object], *, stream: bool
) -> Call:
    """A question to /llm/generate; `stream` is always said, since the server's default may vary."""
    fields = {"prompt": prompt, "max_tokens": max_tokens, "temperature": temperature}
    body = _encode({**fields, **options, "stream": stream})
    accept = "text/event-stream" if stream else "application/json"
    return Call("POST", "/llm/generate", body, accept)


def chat_call(
    messages: Sequence[Mapping[str, object]],
    model: str,
    max_tokens: int,
    temperature: float,
    options: Mapping[str, object],
) -> Call:
    """A conversation to /v1/chat/completions."""
    turns = [dict(message) for message in messages]
    fields = {"model": model, "messages": turns, "max_tokens": max_tokens}
    body = _encode({**fields, "temperature": temperature, **options, "stream": False})
    return Call("POST", "/v1/chat/completions", body)


def _encode(fields: Mapping[str, object]) -> bytes:
    body = _encoded(fields)
    if body is None:
        raise InvalidRequestError(
            "The request cannot be written as JSON: it holds a value of a wrong type, "
            "a number that is not finite, or text that is not valid Unicode."
        )
    return body


def _encoded(fields: Mapping[str, object]) -> bytes | None:
    """None on failure: the codec's own exceptions carry the text, so they must not be chained."""
    try:
        return json.dumps(
            fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError):
        return None
