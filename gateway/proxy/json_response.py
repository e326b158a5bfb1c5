"""Answers in one piece: one key added at the end of the engine's own JSON."""

from typing import NamedTuple

import orjson

from gateway.api.paths import MESSAGES, RESPONSES
from gateway.engine import openai_json
from gateway.errors import EngineGarbled, EngineRejected
from gateway.proxy import messages_output, responses_output
from gateway.proxy.chunks import MOST_CHOICES
from gateway.proxy.light_answer import LightAnswer
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.runtime.json_types import Json
from gateway.safety import provenance


class Labelled(NamedTuple):
    """The body, the closing part of its label, the usage, and the first words of each choice."""

    body: bytes
    final: Json
    usage: Json | None
    beginnings: list[str]


def label(
    sent: LightAnswer,
    initial: Json,
    *,
    key: bytes,
    path: str,
    policy: OutputPolicy = PLAIN,
    most: int = MOST_CHOICES,
) -> Labelled:
    """Label an answer; raises EngineGarbled or EngineRejected."""
    parsed = openai_json.parse(sent.body)
    answer = openai_json.unlabelled(parsed)
    if answer.get("error") and path != RESPONSES:  # there it is a field of a failed response
        raise EngineRejected("The engine failed while it was answering; try again.")
    if path == RESPONSES:
        state = ChoiceState(policy.digest(key), policy)
        state.hear_model(answer.get("model"))
        states, final = [state], state.final(responses_output.hear(answer, state), fingerprint=None)
        changes = responses_output.changes(answer, policy)
    elif path == MESSAGES:
        state = ChoiceState(policy.digest(key), policy)
        state.hear_model(answer.get("model"))
        states, final = [state], state.final(messages_output.hear(answer, state), fingerprint=None)
        changes = messages_output.changes(answer, policy)
    else:
        states, final, changes = pass_on_choices(answer, key, policy, most)
    body = sent.whole
    if changes or answer is not parsed:
        body = sent.put_back(orjson.dumps({**answer, **changes}))
    labelled = openai_json.append(body, {"mmhie": provenance.merge(initial, final)})
    usage_of = messages_output.usage_of if path == MESSAGES else openai_json.usage_of
    beginnings = [state.beginning for state in states if state.beginning]
    return Labelled(labelled, final, usage_of(answer), beginnings)


def pass_on_choices(
    answer: Json, key: bytes, policy: OutputPolicy, most: int
) -> tuple[list[ChoiceState], Json, Json]:
    """Return the state of each choice, their closing label together, and the choices if changed."""
    choices = openai_json.choices_of(answer)
    if not choices:
        raise EngineGarbled("The engine's answer has no choices; try again.")
    if len(choices) > most:
        raise EngineGarbled("The engine sends more choices than one may ask for; try again.")
    mac = policy.digest(key)
    states = [ChoiceState(mac, policy) for _ in choices]
    passed = [state.pass_on(choice) for state, choice in zip(states, choices, strict=True)]
    states[0].hear_model(answer.get("model"))
    finals = [
        state.final(choice.get("finish_reason"), fingerprint=answer.get("system_fingerprint"))
        for state, choice in zip(states, choices, strict=True)
    ]
    is_changed = any(after is not before for after, before in zip(passed, choices, strict=True))
    return states, together(finals), {"choices": passed} if is_changed else {}


def together(finals: list[Json]) -> Json:
    """Merge the closing labels of several choices: a cut in any of them, and every warning."""
    if len(finals) == 1:
        return finals[0]
    cuts = (final["truncated"] for final in finals if final["truncated"])
    warnings = dict.fromkeys(warning for final in finals for warning in final["warnings"])
    return {**finals[0], "truncated": next(cuts, None), "warnings": list(warnings)}
