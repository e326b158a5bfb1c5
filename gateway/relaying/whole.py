"""Answers in one piece: one key added at the end of the engine's own JSON."""

from typing import Any

import orjson

from gateway.errors import EngineGarbled, EngineRejected
from gateway.relaying import output
from gateway.relaying.shape import PLAIN, Shape
from gateway.relaying.told import Told
from gateway.safety import provenance
from gateway.wire import openai

RESPONSES = "/v1/responses"

Final = dict[str, Any]


def label(
    body: bytes, first: dict[str, Any], *, key: bytes, path: str, shape: Shape = PLAIN
) -> tuple[bytes, Final, dict[str, Any] | None]:
    """The labelled body, the closing part of its label, and the usage; raises EngineGarbled
    or EngineRejected."""
    answer = openai.parse(body)
    if answer.get("error") and path != RESPONSES:  # there it is a field of a failed response
        raise EngineRejected("The engine failed while it was answering.")
    told = Told(provenance.digest(key), shape)
    if path == RESPONSES:
        finish, changes = output.hear(answer, told), output.changes(answer, shape)
    else:
        finish, changes = pass_on_choices(answer, told)
    final = told.final(finish, fingerprint=answer.get("system_fingerprint"))
    if changes:
        body = orjson.dumps({**answer, **changes})
    labelled = openai.append(body, {"mmhie": provenance.whole(first, final)})
    return labelled, final, openai.usage_of(answer)


def pass_on_choices(answer: dict[str, Any], told: Told) -> tuple[str | None, dict[str, Any]]:
    """Why it ended (a cut in any choice is what is reported), and the choices if they changed."""
    choices = openai.choices_of(answer)
    if not choices:
        raise EngineGarbled("The engine's answer has no choices.")
    passed = [told.pass_on(choice) for choice in choices]
    is_changed = any(after is not before for after, before in zip(passed, choices, strict=True))
    reasons = [choice.get("finish_reason") for choice in choices]
    finish = "length" if "length" in reasons else reasons[0]
    return finish, {"choices": passed} if is_changed else {}
