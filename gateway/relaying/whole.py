"""Answers in one piece: one key added at the end of the engine's own JSON."""

from typing import Any

from gateway.errors import EngineGarbled
from gateway.relaying.told import Told
from gateway.safety import provenance
from gateway.wire import openai

RESPONSES = "/v1/responses"

Final = dict[str, Any]


def label(
    body: bytes, first: dict[str, Any], *, key: bytes, path: str
) -> tuple[bytes, Final, dict[str, Any] | None]:
    """The labelled body, the closing part of its label, and the usage; raises EngineGarbled."""
    answer = openai.parse(body)
    told = Told(provenance.digest(key))
    hear = hear_response if path == RESPONSES else hear_choices
    finish = hear(answer, told, raw=body)
    final = told.final(finish, fingerprint=answer.get("system_fingerprint"))
    labelled = openai.append(body, {"mmhie": provenance.whole(first, final)})
    return labelled, final, openai.usage_of(answer)


def hear_choices(answer: dict[str, Any], told: Told, *, raw: bytes) -> str | None:
    """Take in every choice; a cut in any of them is what is reported."""
    choices = openai.choices_of(answer)
    if not choices:
        raise EngineGarbled("The engine's answer has no choices.")
    for choice in choices:
        told.hear(openai.message_of(choice), raw=raw)
    reasons = [choice.get("finish_reason") for choice in choices]
    return "length" if "length" in reasons else reasons[0]


def hear_response(response: dict[str, Any], told: Told, *, raw: bytes) -> str | None:
    """Take in a Responses API object."""
    try:
        for item in response.get("output") or ():
            told.hear(as_message(item), raw=raw)
        return response_finish(response)
    except (AttributeError, TypeError):
        raise EngineGarbled("The engine's response cannot be read.") from None


def as_message(item: dict[str, Any]) -> dict[str, Any]:
    """An output item of the Responses API in the terms of a chat message."""
    kind = item.get("type")
    text = "".join(part.get("text") or "" for part in item.get("content") or ())
    if kind == "reasoning":
        return {"reasoning": text or "summary"}
    if kind == "message":
        return {"content": text}
    return {"tool_calls": [kind]}


def response_finish(response: dict[str, Any]) -> str | None:
    """Why it ended: the reason when incomplete, as vLLM gives it, else its status."""
    details = response.get("incomplete_details") or {}
    return details.get("reason") or response.get("status")
