"""Read HTTP responses: answers, receipts and errors."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from mmhie._answer import Answer, Provenance, Usage
from mmhie._errors import IncompleteAnswerError, MMHIEError, UnavailableError, kind_of
from mmhie._feedback import FeedbackReceipt
from mmhie._http import UNREADABLE

Json = Mapping[str, Any]

NO_TEXT = "The model gave no answer text; a larger max_tokens may help."
CUT_IN_REASONING = (
    "The model used up its tokens while reasoning and gave no answer; raise max_tokens."
)
HOW_TO_GIVE_A_KEY = "This client sends LLMConfig(api_key=...), or MMHIE_API_KEY."
OURS = "x-mmhie-disclaimer-version"  # only the gateway sends it


@contextmanager
def parsing() -> Iterator[None]:
    """Translate a response of another shape; the parser's own exceptions have the text."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        raise UnavailableError(UNREADABLE, code="bad_answer") from None


def read_generate(response: httpx2.Response) -> Answer:
    """Return the answer of /llm/generate. Raises IncompleteAnswerError, UnavailableError."""
    with parsing():
        fields = response.json()
        return answer_of(fields, fields.get("text"), fields.get("reasoning"), response.headers)


def read_chat(response: httpx2.Response) -> Answer:
    """Return the answer of /v1/chat/completions. Raises the same."""
    with parsing():
        fields = response.json()
        choice = fields["choices"][0]
        message = choice["message"]
        reasoning = message.get("reasoning") or message.get("reasoning_content")
        ending = {**fields, "finish_reason": choice.get("finish_reason")}
        return answer_of(ending, message.get("content"), reasoning, response.headers)


def answer_of(fields: Json, text: str | None, reasoning: str | None, headers: Json) -> Answer:
    """Return the Answer of the fields that JSON and the last event of a stream share."""
    labels = fields.get("mmhie") or {}
    request_id, notices = headers.get("x-request-id"), tuple(labels.get("notices") or ())
    if not (text or "").strip():
        sentence = CUT_IN_REASONING if reasoning else NO_TEXT
        error = IncompleteAnswerError(sentence, code="no_answer", request_id=request_id)
        error.notices = notices
        raise error
    return Answer(
        text=str(text),
        reasoning=reasoning or None,
        disclaimer=(labels.get("disclaimer") or {}).get("text") or "",
        emergency_note=labels.get("emergency_note") or "",
        notices=notices,
        warnings=tuple(labels.get("warnings") or ()),
        truncated=labels.get("truncated"),
        finish_reason=fields.get("finish_reason"),
        usage=_usage(fields.get("usage") or {}),
        provenance=labels.get("provenance") or Provenance(),
        request_id=request_id,
        model=fields.get("model"),
    )


def read_receipt(response: httpx2.Response) -> FeedbackReceipt:
    """Return the receipt of a feedback. Raises UnavailableError."""
    with parsing():
        fields = response.json()
        return FeedbackReceipt(**{name: fields[name] for name in FeedbackReceipt.__slots__})


def error_of(response: httpx2.Response) -> MMHIEError:
    """Return the error that a status other than 200 means."""
    try:
        with parsing():
            body = dict(response.json())
    except UnavailableError:
        body = {}
    error = _unready(body) or read_error(body.get("error"), response.headers, response.status_code)
    error.status = response.status_code
    wait = response.headers.get("retry-after", "")
    error.retry_after_seconds = float(wait) if wait.isdecimal() else None
    return error


def read_error(envelope: object, headers: Json, status: int | None = None) -> MMHIEError:
    """Return the exception for an error object, from a response or from inside a stream.

    The gateway's messages never quote the request. Another server may echo the prompt, so its
    message is left out.
    """
    error_object = envelope if isinstance(envelope, dict) else {}
    fields = error_object if OURS in headers else {}
    code = fields["code"] if isinstance(fields.get("code"), str) else None
    message = fields.get("message") or f"Another server answered ({status}); check MMHIE_URL."
    if status == 401:
        message = f"{message} {HOW_TO_GIVE_A_KEY}"
    kind = kind_of(code, fields.get("type"), status)
    error = kind(
        message, code=code, param=fields.get("param"), request_id=headers.get("x-request-id")
    )
    error.notices = tuple((error_object.get("mmhie") or {}).get("notices") or ())
    return error


def parse_event(data: str) -> Json:
    """Return the JSON object of a server-sent event. Raises UnavailableError."""
    with parsing():
        return dict(json.loads(data))


def _unready(health: Json) -> MMHIEError | None:
    """Return the error of /readyz, which names the phase."""
    if not (phase := health.get("phase")):
        return None
    message = f"The model is not ready ({phase}). {health.get('detail') or ''}".strip()
    return UnavailableError(message, code="held" if phase == "held" else "engine_unavailable")


def _usage(fields: Json) -> Usage:
    details = fields.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=fields.get("prompt_tokens", 0),
        completion_tokens=fields.get("completion_tokens", 0),
        total_tokens=fields.get("total_tokens", 0),
        reasoning_tokens=details.get("reasoning_tokens", fields.get("reasoning_tokens")),
    )
