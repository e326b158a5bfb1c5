"""JSON answers: one key is added at the end of the engine's own JSON."""

from functools import partial
from typing import NamedTuple

import orjson

from gateway.api.paths import MESSAGES, RESPONSES
from gateway.engine import openai_json
from gateway.errors import EngineGarbled, EngineRejected
from gateway.http.exchange import NO_STORE
from gateway.limits.memory_budget import parsed_bytes
from gateway.pipeline import Opened, origin_headers
from gateway.proxy import messages_output, responses_output
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.record import AnswerTally, estimated_tokens
from gateway.runtime.heavy_work import HeavyWork
from gateway.runtime.json_types import Json
from gateway.safety import labels

COPIES = 4  # of an answer while it is labelled: received, as text, in parts, labelled
PASS_ON = {RESPONSES: responses_output.pass_on, MESSAGES: messages_output.pass_on}


class Labelled(NamedTuple):
    """The body, the closing half of its label, and the usage."""

    body: bytes
    final: Json
    usage: Json | None


def label(sent: bytes, initial: Json, path: str, policy: OutputPolicy = PLAIN) -> Labelled:
    """Label an answer; raise EngineGarbled or EngineRejected."""
    parsed = openai_json.parse(sent)
    answer = openai_json.remove_label(parsed)
    if answer.get("error") and path != RESPONSES:  # there it is a field of a failed response
        raise EngineRejected("The engine failed while it was answering; try again.")
    if path in PASS_ON:
        state = ChoiceState(policy.digest(), policy)
        state.check_model_name(answer.get("model"))
        changes, finish = PASS_ON[path](answer, state)
        final = state.final(finish, fingerprint=None)
    else:
        final, changes = pass_on_choices(answer, policy)
    body = orjson.dumps({**answer, **changes}) if changes or answer is not parsed else sent
    labelled = openai_json.append(body, {"mmhie": labels.merge(initial, final)})
    counts = messages_output.token_counts if path == MESSAGES else openai_json.read_usage
    return Labelled(labelled, final, counts(answer))


def pass_on_choices(answer: Json, policy: OutputPolicy) -> tuple[Json, Json]:
    """Return the common closing label of the choices, and the choices if changed."""
    choices = openai_json.read_choices(answer)
    if not choices:
        raise EngineGarbled("The engine's answer has no choices; try again.")
    mac = policy.digest()
    states = [ChoiceState.at(choice.get("index", 0), mac, policy) for choice in choices]
    passed = [state.pass_on(choice) for state, choice in zip(states, choices, strict=True)]
    states[0].check_model_name(answer.get("model"))
    finals = [
        state.final(choice.get("finish_reason"), fingerprint=answer.get("system_fingerprint"))
        for state, choice in zip(states, choices, strict=True)
    ]
    is_changed = any(after is not before for after, before in zip(passed, choices, strict=True))
    return merge_finals(finals), {"choices": passed} if is_changed else {}


def merge_finals(finals: list[Json]) -> Json:
    """Merge the closing labels of several choices: the first cut, and every warning."""
    if len(finals) == 1:
        return finals[0]
    cuts = (final["truncated"] for final in finals if final["truncated"])
    warnings = dict.fromkeys(warning for final in finals for warning in final["warnings"])
    return {**finals[0], "truncated": next(cuts, None), "warnings": list(warnings)}


class WholeAnswer(AnswerTally):
    """A JSON answer with its label."""

    def __init__(self, opened: Opened, policy: OutputPolicy, heavy: HeavyWork) -> None:
        super().__init__()
        self.tally = self
        self._exchange = opened.exchange
        self._headers = [*origin_headers(opened.label), NO_STORE]
        self._label = partial(label, initial=opened.label, path=opened.request.path, policy=policy)
        self._memory = opened.memory
        self._response = opened.response
        self._heavy = heavy

    async def send(self) -> None:
        body = await self._read_labelled()
        await self._exchange.respond(200, body, headers=self._headers)

    async def _read_labelled(self) -> bytes:
        """Read and label the answer; raise OutOfMemory."""
        memory, before = self._memory, self._memory.held_bytes
        answer = await self._response.read_all(seen=lambda size: memory.hold(before + size))
        memory.hold(before + COPIES * len(answer))
        parsed = await self._heavy.on(len(answer), partial(parsed_bytes, answer))
        memory.hold(before + COPIES * len(answer) + parsed)
        labelled = await self._heavy.on(len(answer), partial(self._label, answer))
        body, final, self.usage = labelled
        memory.hold(before + len(body))
        self.pieces = estimated_tokens(len(answer))
        self.finals.append(final)
        return body
