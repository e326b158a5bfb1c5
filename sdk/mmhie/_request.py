"""One call: its options, and the HTTP request that they make."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from mmhie._errors import RequestError


class CareOptions(TypedDict, total=False):
    """The person who asks, the patient, the purpose, and the longest time of a call.

    `user`, `patient` and `purpose` need a key with the scope `on_behalf`; only the audit trail
    records them. `purpose` is a code of HL7's PurposeOfUse, such as "TREAT".
    """

    user: str
    patient: str
    purpose: str
    timeout: float  # seconds, instead of MMHIE_TIMEOUT_SECONDS


class SamplingOptions(CareOptions, total=False):
    """Options that `chat` takes beyond the original signature."""

    priority: Literal["emergency", "routine", "batch"]
    request_id: str
    top_p: float
    seed: int
    stop: str | Sequence[str]
    reasoning_effort: Literal["low", "medium", "high"]
    include_reasoning: bool


class GenerateOptions(SamplingOptions, total=False):
    """Options that `generate` and `stream` take beyond the original signature."""

    system: str
    history: Sequence[Mapping[str, str]]  # earlier turns, oldest first: {"role", "content"}


HEADERS = {
    "user": "x-mmhie-user",
    "patient": "x-mmhie-patient",
    "purpose": "x-mmhie-purpose",
    "priority": "x-mmhie-priority",
    "request_id": "x-request-id",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; body and headers have patient data and are not in repr."""

    path: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float | None = None
    is_stream: bool = False


READY = Request("/readyz")


def build_request(
    path: str,
    fields: Mapping[str, object],
    options: Mapping[str, Any],
    kind: type[CareOptions],
    *,
    is_stream: bool = False,
) -> Request:
    """Sort the options into body and headers; None is an option that is not given.

    Raises TypeError for an unknown name, RequestError for a header that cannot be sent.
    """
    for name in options.keys() - kind.__annotations__.keys():
        raise TypeError(f"There is no option {name!r}; for other fields of /v1 use openai.")
    given = {name: value for name, value in options.items() if value is not None}
    timeout = given.pop("timeout", None)
    headers = {HEADERS[name]: _header(name, given.pop(name)) for name in HEADERS.keys() & given}
    # ASCII: encoding a lone surrogate fails with an exception that has the prompt
    body = json.dumps({**fields, **given}, allow_nan=False).encode()
    return Request(path, body, headers, timeout, is_stream)


def generate_request(
    prompt: str, max_tokens: int, temperature: float, options: GenerateOptions, *, stream: bool
) -> Request:
    """Return a request to /llm/generate; `stream` is explicit, as the server's default varies."""
    fields = {"prompt": prompt, "max_tokens": max_tokens, "temperature": temperature}
    sent = {**fields, "stream": stream}
    return build_request("/llm/generate", sent, options, GenerateOptions, is_stream=stream)


def chat_request(
    messages: Sequence[Mapping[str, object]],
    max_tokens: int,
    temperature: float,
    options: SamplingOptions,
) -> Request:
    """Return a request to /v1/chat/completions; without a model, to the one that is served."""
    fields = {"messages": messages, "max_tokens": max_tokens, "temperature": temperature}
    return build_request("/v1/chat/completions", fields, options, SamplingOptions)


def _header(name: str, value: object) -> str:
    if not (isinstance(value, str) and value.isprintable()):
        message = f"{name} must be text without line ends and control characters."
        raise RequestError(message, code="invalid_request", param=name)
    return value
