"""Answers in one piece: one key added at the end of the engine's own JSON."""

from typing import Any

import orjson

from gateway.errors import EngineGarbled, EngineRejected
from gateway.proxy import openai_json, responses_output
from gateway.proxy.choice_state import ChoiceState
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.safety import provenance

RESPONSES = "/v1/responses"

Final = dict[str, Any]


def label(
    body: bytes, first: dict[str, Any], *, key: bytes, path: str, shape: OutputPolicy = PLAIN
) -> tuple[bytes, Final, dict[str, Any] | None]:
    """The labelled body, the closing part of its label, and the usage; raises EngineGarbled
    or EngineRejected."""
    answer = openai_json.parse(body)
    if answer.get("error") and path != RESPONSES:  # there it is a field of a failed response
        raise EngineRejected("The engine failed while it was answering.")
    if path == RESPONSES:
        told = ChoiceState(provenance.new_digest(key), shape)
        final = told.final(responses_output.hear(answer, told), fingerprint=None)
        changes = responses_output.changes(answer, shape)
    else:
        final, changes = pass_on_choices(answer, key, shape)
    if changes:
        body = orjson.dumps({**answer, **changes})
    labelled = openai_json.append(body, {"mmhie": provenance.merge(first, final)})
    return labelled, final, openai_json.usage_of(answer)


def pass_on_choices(
    answer: dict[str, Any], key: bytes, shape: OutputPolicy
) -> tuple[Final, dict[str, Any]]:
    """What is told of all choices together, and the choices if they changed."""
    choices = openai_json.choices_of(answer)
    if not choices:
        raise EngineGarbled("The engine's answer has no choices.")
    mac = provenance.new_digest(key)
    told = [ChoiceState(mac, shape) for _ in choices]
    passed = [one.pass_on(choice) for one, choice in zip(told, choices, strict=True)]
    finals = [
        one.final(choice.get("finish_reason"), fingerprint=answer.get("system_fingerprint"))
        for one, choice in zip(told, choices, strict=True)
    ]
    is_changed = any(after is not before for after, before in zip(passed, choices, strict=True))
    return together(finals), {"choices": passed} if is_changed else {}


def together(finals: list[Final]) -> Final:
    """One closing part for several choices: a cut in any of them is told, and every warning."""
    if len(finals) == 1:
        return finals[0]
    cuts = (final["truncated"] for final in finals if final["truncated"])
    warnings = dict.fromkeys(warning for final in finals for warning in final["warnings"])
    return {**finals[0], "truncated": next(cuts, None), "warnings": list(warnings)}
