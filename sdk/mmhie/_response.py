"""Parse HTTP responses strictly: a value of the wrong shape is an error."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from mmhie._answer import Answer, Notice, Provenance, Usage
from mmhie._errors import IncompleteAnswerError, MMHIEError, UnavailableError, kind_of
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
OURS = "x-mmhie-disclaimer-version"  # only the gateway sends it


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
    """Return the answer of /llm/generate. Raises IncompleteAnswerError, UnavailableError."""
    fields = read_object(response)
    reasoning = fields.get("reasoning")
    return answer_of(
        fields,
        text=_text(fields.get("text")),
        reasoning=reasoning if isinstance(reasoning, str) else None,
        request_id=response.request_id,
    )


def read_chat(response: Response) -> Answer:
    """Return the answer of /v1/chat/completions, with the labels under its key `mmhie`."""
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
        raise bad_answer("The server lists no model", response)
    return ids


def read_object(response: Response) -> Mapping[str, object]:
    """Return the JSON object of a response. Raises UnavailableError."""
    fields = parse_json(response.body)
    if not isinstance(fields, dict):
        raise bad_answer("The response is not a JSON object", response)
    return fields


def read_readiness(response: Response) -> None:
    """Raise UnavailableError if the model is on hold or loading."""
    if response.status == 200:
        read_object(response)
        return
    health = _mapping(parse_json(response.body))
    phase, detail = _text(health.get("phase")), _text(health.get("detail"))
    if not phase:
        raise error_of(response)
    raise UnavailableError(
        f"The model is not ready ({phase}). {detail}".strip(),
        code="held" if phase == "held" else "engine_unavailable",
        status=response.status,
        request_id=response.request_id,
    )


def error_of(response: Response) -> MMHIEError:
    """Return the error that a status other than 200 means."""
    envelope = _mapping(parse_json(response.body)).get("error")
    error = read_error(envelope, response.headers, response.status)
    error.retry_after_seconds = parse_retry_after(response.headers.get("retry-after"))
    return error


def read_error(
    envelope: object, headers: Mapping[str, str], status: int | None = None
) -> MMHIEError:
    """Return the exception for an error object, from a response or from inside a stream.

    The message is the gateway's own, which never quotes the request. An engine or a proxy in its
    place may echo the prompt, so their messages are left out. Notices are always the gateway's.
    """
    fields = _mapping(envelope)
    own = fields if OURS in headers and isinstance(fields.get("code"), str) else {}
    code = _text(own.get("code"))
    message = _text(own.get("message")) or _plain_message(status, has_reason="message" in fields)
    error = kind_of(code, _text(own.get("type")), status)(
        f"{message} {HOW_TO_GIVE_A_KEY}" if code == "unauthorized" or status == 401 else message,
        code=code or None,
        status=status,
        param=_text(own.get("param")) or None,
        request_id=headers.get("x-request-id"),
    )
    error.notices = notices_of(_mapping(fields.get("mmhie")))
    return error


def _plain_message(status: int | None, *, has_reason: bool) -> str:
    if status is None:
        return "The server reported an error inside the stream."
    if status == 400 and has_reason:
        return ENGINE_REFUSED
    return f"HTTP status {status}, without this service's error object; check MMHIE_URL."


def answer_of(
    fields: Mapping[str, object], *, text: str, reasoning: str | None, request_id: str | None
) -> Answer:
    """Return the Answer of the fields that JSON and the last event of a stream share."""
    notices = notices_of(fields)
    if not text.strip():
        sentence = CUT_IN_REASONING if reasoning else NO_TEXT
        error = IncompleteAnswerError(sentence, code="no_answer", request_id=request_id)
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
        provenance=cast(Provenance, _mapping(metadata.get("provenance"))),
        request_id=_text(fields.get("request_id")) or request_id,
        model=_text(fields.get("model")) or None,
    )


def notices_of(fields: Mapping[str, object]) -> tuple[Notice, ...]:
    """Return the notices among the fields of an answer, an event or an error."""
    listed = _list(fields.get("notices"))
    return tuple(cast(Notice, item) for item in listed if isinstance(item, dict))


def parse_json(body: bytes | str) -> object:
    """Return the value, or None: the decoder's exception has the text, so it is not raised."""
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
        raise bad_answer("The response has no choices", response)
    return rows[0]


def bad_answer(problem: str, response: Response) -> UnavailableError:
    """Return the error of a response that does not follow this service's protocol."""
    message = f"{problem}; check that MMHIE_URL points at the service."
    return UnavailableError(message, code="bad_answer", request_id=response.request_id)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
