"""HTTP answers, read strictly: a value of the wrong shape is an error, never a guess."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmhie._answer import Answer, Usage
from mmhie._errors import (
    BadAnswerError,
    EngineUnavailableError,
    GatewayError,
    HeldError,
    NoAnswerError,
    class_for,
)
from mmhie._pause import seconds_of_retry_after

NO_TEXT = "The model gave no answer text; a larger max_tokens may help."
CUT_IN_REASONING = (
    "The model used up its tokens while reasoning and gave no answer; raise max_tokens."
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


def read_generate(reply: Reply) -> Answer:
    """The answer of /llm/generate; raises NoAnswerError, or BadAnswerError."""
    fields = read_object(reply)
    reasoning = fields.get("reasoning")
    return answer_of(
        fields,
        text=_text(fields.get("text")),
        reasoning=reasoning if isinstance(reasoning, str) else None,
        request_id=reply.request_id,
    )


def read_chat(reply: Reply) -> Answer:
    """The answer of /v1/chat/completions, its `mmhie` key unfolded."""
    fields = read_object(reply)
    choice = _first(fields.get("choices"), reply)
    message = _mapping(choice.get("message"))
    notes = _mapping(fields.get("mmhie"))
    merged = {
        **notes,
        "disclaimer": _mapping(notes.get("disclaimer")).get("text"),
        "finish_reason": choice.get("finish_reason"),
        "usage": fields.get("usage"),
        "model": fields.get("model"),
        "mmhie": notes,
    }
    reasoning = _text(message.get("reasoning") or message.get("reasoning_content"))
    text = _text(message.get("content"))
    return answer_of(merged, text=text, reasoning=reasoning or None, request_id=reply.request_id)


def read_model_ids(reply: Reply) -> list[str]:
    """The ids of /v1/models."""
    data = read_object(reply).get("data")
    rows = data if isinstance(data, list) else []
    ids = [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
    if not ids:
        raise BadAnswerError("The server names no model.", request_id=reply.request_id)
    return ids


def read_object(reply: Reply) -> Mapping[str, object]:
    """The JSON object of a 200."""
    fields = parsed(reply.body)
    if not isinstance(fields, dict):
        raise BadAnswerError(
            "The server's answer is not a JSON object; MMHIE_URL may point at something else.",
            request_id=reply.request_id,
        )
    return fields


def not_ready(reply: Reply) -> GatewayError:
    """What /readyz means by a status other than 200: held by an operator, or not there yet."""
    told = _mapping(parsed(reply.body))
    phase, detail = _text(told.get("phase")), _text(told.get("detail"))
    if not phase:
        return refusal(reply)
    kind = HeldError if phase == "held" else EngineUnavailableError
    sentence = f"The model is not ready ({phase}). {detail}".strip()
    return kind(sentence, status=reply.status, request_id=reply.request_id)


def refusal(reply: Reply) -> GatewayError:
    """What a status other than 200 means: the class of the gateway's code, else of the status."""
    return gateway_error(
        _mapping(parsed(reply.body)).get("error"),
        status=reply.status,
        request_id=reply.request_id,
        retry_after_seconds=seconds_of_retry_after(reply.headers.get("retry-after")),
    )


def gateway_error(
    envelope: object,
    *,
    status: int | None = None,
    request_id: str | None = None,
    retry_after_seconds: float | None = None,
) -> GatewayError:
    """The exception for an error object, from an error body or from inside a stream.

    The message is taken over only with one of the gateway's own codes, whose messages never hold
    a word of the request; an engine or a proxy in its place may well echo the prompt.
    """
    fields = _mapping(envelope)
    code = fields.get("code")
    found = class_for(code, 500 if status is None else status)
    is_ours = found.default_code is not None and found.default_code == code
    sentence = _text(fields.get("message")) if is_ours else ""
    param = fields.get("param")
    return found(
        sentence or _plain_sentence(status),
        status=status,
        code=code if isinstance(code, str) and is_ours else None,
        param=param if isinstance(param, str) and is_ours else None,
        retry_after_seconds=retry_after_seconds,
        request_id=request_id,
    )


def _plain_sentence(status: int | None) -> str:
    if status is None:
        return "The server reported an error inside the stream."
    return f"The server answered with HTTP status {status} and no error of this service."


def answer_of(
    fields: Mapping[str, object], *, text: str, reasoning: str | None, request_id: str | None
) -> Answer:
    """The Answer of the fields that JSON and the last event of a stream share."""
    if not text.strip():
        raise NoAnswerError(CUT_IN_REASONING if reasoning else NO_TEXT, request_id=request_id)
    notes = _mapping(fields.get("mmhie"))
    return Answer(
        text=text,
        reasoning=reasoning,
        disclaimer=_text(fields.get("disclaimer")),
        notices=tuple(item for item in _list(fields.get("notices")) if isinstance(item, dict)),
        warnings=tuple(item for item in _list(fields.get("warnings")) if isinstance(item, str)),
        truncated=_text(fields.get("truncated")) or None,
        finish_reason=_text(fields.get("finish_reason")) or None,
        usage=_usage(_mapping(fields.get("usage"))),
        provenance=_mapping(notes.get("provenance")),
        request_id=_text(fields.get("request_id")) or request_id,
        model=_text(fields.get("model")) or None,
    )


def parsed(body: bytes) -> object:
    """The JSON value, or None: the decoder's exception holds the text and must not be chained."""
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


def _first(choices: object, reply: Reply) -> Mapping[str, object]:
    rows = _list(choices)
    if not rows or not isinstance(rows[0], dict):
        raise BadAnswerError("The server's answer has no choices.", request_id=reply.request_id)
    return rows[0]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
