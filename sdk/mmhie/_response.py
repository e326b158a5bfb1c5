"""HTTP responses, parsed strictly: a value of the wrong shape is an error, never a guess."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmhie._answer import Answer, Notice, Usage
from mmhie._errors import BY_CODE, BadAnswerError, GatewayError, RequestError, ServiceError
from mmhie._gateway_errors import (
    EngineUnavailableError,
    HeldError,
    NoAnswerError,
    UnauthorizedError,
)
from mmhie._retry import parse_retry_after

NO_TEXT = "The model gave no answer text; a larger max_tokens may help."
HOW_TO_GIVE_A_KEY = "This client sends LLMConfig(api_key=...), or MMHIE_API_KEY."
ENGINE_REFUSED = (
    "The engine refused the request (HTTP status 400): an option may be wrong, or the conversation "
    "too long for the model. Its own sentence is not shown, because it may quote the prompt."
)
CUT_IN_REASONING = (
    "The model used up its tokens while reasoning and gave no answer; raise max_tokens."
)
# Errors of a proxy in front of the gateway have none of its codes: the status decides.
CODE_OF_STATUS = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_timeout",
    413: "body_too_large",
    422: "invalid_request",
    429: "too_busy",
    503: "engine_unavailable",
    504: "engine_timeout",
}


@dataclass(frozen=True, slots=True)
class Response:
    """A whole HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """X-Request-Id, which is in the server's log, too."""
        return self.headers.get("x-request-id")


def read_generate(response: Response) -> Answer:
    """Return the answer of /llm/generate. Raises NoAnswerError, BadAnswerError."""
    fields = read_object(response)
    reasoning = fields.get("reasoning")
    return answer_of(
        fields,
        text=_text(fields.get("text")),
        reasoning=reasoning if isinstance(reasoning, str) else None,
        request_id=response.request_id,
    )


def read_chat(response: Response) -> Answer:
    """Return the answer of /v1/chat/completions, its `mmhie` key unfolded."""
    fields = read_object(response)
    choice = _first(fields.get("choices"), response)
    message = _mapping(choice.get("message"))
    metadata = _mapping(fields.get("mmhie"))
    merged = {
        **metadata,
        "disclaimer": _mapping(metadata.get("disclaimer")).get("text"),
        "finish_reason": choice.get("finish_reason"),
        "usage": fields.get("usage"),
        "model": fields.get("model"),
        "mmhie": metadata,
    }
    reasoning = _text(message.get("reasoning") or message.get("reasoning_content"))
    text = _text(message.get("content"))
    return answer_of(merged, text=text, reasoning=reasoning or None, request_id=response.request_id)


def read_model_ids(response: Response) -> list[str]:
    """Return the ids of /v1/models."""
    data = read_object(response).get("data")
    rows = data if isinstance(data, list) else []
    ids = [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
    if not ids:
        raise _bad(response, "The server lists no model")
    return ids


def read_object(response: Response) -> Mapping[str, object]:
    """Return the JSON object of a 200."""
    fields = parse_json(response.body)
    if not isinstance(fields, dict):
        raise _bad(response, "The response is not a JSON object")
    return fields


def readiness_error(response: Response) -> GatewayError:
    """Return the error that a /readyz other than 200 means: held by an operator, or loading."""
    health = _mapping(parse_json(response.body))
    phase, detail = _text(health.get("phase")), _text(health.get("detail"))
    if not phase:
        return error_of(response)
    kind = HeldError if phase == "held" else EngineUnavailableError
    sentence = f"The model is not ready ({phase}). {detail}".strip()
    return kind(sentence, status=response.status, request_id=response.request_id)


def error_of(response: Response) -> GatewayError:
    """Return the error that a status other than 200 means."""
    return gateway_error(
        _mapping(parse_json(response.body)).get("error"),
        status=response.status,
        request_id=response.request_id,
        retry_after_seconds=parse_retry_after(response.headers.get("retry-after")),
    )


def gateway_error(
    envelope: object,
    *,
    status: int | None = None,
    request_id: str | None = None,
    retry_after_seconds: float | None = None,
) -> GatewayError:
    """Return the exception for an error object, from a response or from inside a stream.

    The message is taken over only with one of the gateway's own codes, whose messages never hold
    a word of the request; an engine or a proxy in its place may well echo the prompt. Notices are
    the gateway's own in each case: it adds them to what the engine refuses, too.
    """
    fields = _mapping(envelope)
    known = BY_CODE.get(_text(fields.get("code")))
    trusted = fields if known else {}
    kind = known or _class_of_status(500 if status is None else status)
    message = _text(trusted.get("message")) or _plain_message(status, is_told="message" in fields)
    error = kind(
        f"{message} {HOW_TO_GIVE_A_KEY}" if kind is UnauthorizedError else message,
        status=status,
        code=_text(trusted.get("code")) or None,
        param=_text(trusted.get("param")) or None,
        retry_after_seconds=retry_after_seconds,
        request_id=request_id,
    )
    error.notices = notices_of(_mapping(fields.get("mmhie")))
    return error


def _class_of_status(status: int) -> type[GatewayError]:
    if status in CODE_OF_STATUS:
        return BY_CODE[CODE_OF_STATUS[status]]
    return RequestError if 400 <= status < 500 else ServiceError


def _plain_message(status: int | None, *, is_told: bool) -> str:
    if status is None:
        return "The server reported an error inside the stream."
    if status == 400 and is_told:
        return ENGINE_REFUSED
    return f"HTTP status {status}, without this service's error object; check MMHIE_URL."


def answer_of(
    fields: Mapping[str, object], *, text: str, reasoning: str | None, request_id: str | None
) -> Answer:
    """Return the Answer of the fields that JSON and the last event of a stream share."""
    notices = notices_of(fields)
    if not text.strip():
        error = NoAnswerError(CUT_IN_REASONING if reasoning else NO_TEXT, request_id=request_id)
        error.notices = notices
        raise error
    metadata = _mapping(fields.get("mmhie"))
    return Answer(
        text=text,
        reasoning=reasoning,
        disclaimer=_text(fields.get("disclaimer")),
        emergency_note=_text(metadata.get("emergency_note")),
        notices=notices,
        warnings=tuple(item for item in _list(fields.get("warnings")) if isinstance(item, str)),
        truncated=_text(fields.get("truncated")) or None,
        finish_reason=_text(fields.get("finish_reason")) or None,
        usage=_usage(_mapping(fields.get("usage"))),
        provenance=_mapping(metadata.get("provenance")),
        request_id=_text(fields.get("request_id")) or request_id,
        model=_text(fields.get("model")) or None,
    )


def notices_of(fields: Mapping[str, object]) -> tuple[Notice, ...]:
    """Return the notices among the fields of an answer, an event or an error."""
    return tuple(item for item in _list(fields.get("notices")) if isinstance(item, dict))


def parse_json(body: bytes | str) -> object:
    """Return the value, or None: the decoder's exception holds the text, so it is not chained."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _usage(fields: Mapping[str, object]) -> Usage:
    details = _mapping(fields.get("completion_tokens_details"))
    reasoning = details.get("reasoning_tokens", fields.get("reasoning_tokens"))
    return Usage(
        prompt_tokens=_count(fields.get("prompt_tokens")),
        completion_tokens=_count(fields.get("completion_tokens")),
        total_tokens=_count(fields.get("total_tokens")),
        reasoning_tokens=reasoning if isinstance(reasoning, int) else None,
    )


def _first(choices: object, response: Response) -> Mapping[str, object]:
    rows = _list(choices)
    if not rows or not isinstance(rows[0], dict):
        raise _bad(response, "The response has no choices")
    return rows[0]


def _bad(response: Response, problem: str) -> BadAnswerError:
    message = f"{problem}; check that MMHIE_URL points at the service."
    return BadAnswerError(message, request_id=response.request_id)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
