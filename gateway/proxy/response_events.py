"""Streams of the Responses API: labels inside the `response` of its created and closing events."""

import orjson

from gateway.engine import openai_json
from gateway.errors import EngineGarbled, EngineRejected, GatewayError
from gateway.http import sse
from gateway.proxy import responses_output
from gateway.proxy.light_answer import LightAnswer
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.proxy.text_stream import TextForm, TextStream
from gateway.runtime.json_types import Json
from gateway.safety import labels
from gateway.safety.reasoning import is_reasoning_event

CLOSING = (b"response.completed", b"response.incomplete", b"response.failed")
DELTA = b"response.output_text.delta"
DELTA_SUFFIX = b".delta"  # of text, reasoning or a call's arguments: a token at least
DELTA_KEY = b'"delta":"'
NO_LOGPROBS = b'"logprobs":[]'
TEXT_DONE = b"response.output_text.done"
PARTS = (b"response.content_part.added", b"response.content_part.done")
ITEMS = (b"response.output_item.added", b"response.output_item.done")
SAID_AGAIN = (TEXT_DONE, *PARTS, *ITEMS)
# A `<` as JSON may write it, too: without one there is no marker in an event.
ANGLES = (b"<", b"\\u003")
FORM = TextForm(
    read=lambda body: openai_json.text_in(body, "delta"),
    write=lambda body, text: {**body, "delta": text},
)

Place = tuple[object, object]


class ResponseEventRelay:
    """One stream, event by event; the same seam as ChunkRelay. It adds no event."""

    framed: None = None  # every event is read

    def __init__(self, initial: Json, *, key: bytes, policy: OutputPolicy = PLAIN) -> None:
        self.usage: Json | None = None
        self.pieces = 0
        self.finals: list[Json] = []
        self.ended = False
        self._initial = initial
        self._key = key
        self._mac = policy.digest(key)  # of the text so far, for an answer that breaks off
        self._policy = policy
        self._sequence = 0
        self._text: TextStream | None = None
        self._place: Place | None = None

    def relay(self, event: bytes, light: LightAnswer | None = None) -> bytes:
        """Return what to send for an event; raises EngineRejected or EngineGarbled. A large one
        comes with what of it has to be parsed."""
        kind = event_name(event) or event_type(event)
        self._sequence += 1
        self.pieces += kind.endswith(DELTA_SUFFIX)
        if kind == DELTA:
            return self._delta(event)
        if not kind:
            return event  # a comment
        event = openai_json.unlabelled_event(event, "response")
        return self._end_text() + self._other(event, kind, light)

    def digests(self) -> list[str]:
        """The digest of the text so far, if there is any."""
        is_new = self._mac.hexdigest() == labels.new_digest(self._key).hexdigest()
        return [] if is_new else [labels.format_digest(self._mac)]

    def render(self, error: GatewayError) -> bytes:
        """A failure after the first byte, as the Responses API's own `error` event."""
        envelope = error.envelope()
        body = {
            "type": "error",
            "sequence_number": self._sequence,
            **{name: envelope["error"].get(name) for name in ("code", "message", "param")},
            **envelope,
        }
        return sse.named("error", body)

    def _delta(self, event: bytes) -> bytes:
        """A piece of text, cleaned; the event itself where there is nothing to look for."""
        is_plain = self._text.is_plain if self._text else not self._policy.surrounds
        is_spelt = self._policy.hides_reasoning and has_logprobs(event)
        if is_plain and not is_spelt and not any(angle in event for angle in ANGLES):
            self._mac.update(text_of_delta(event))
            return event
        body = openai_json.parse(sse.payload(event))
        if is_spelt:
            body = responses_output.without_logprobs(body)
            event = sse.named(DELTA.decode(), body)
        place = (body.get("output_index"), body.get("content_index"))
        rest = self._end_text() if place != self._place else b""
        self._text, self._place = self._text or TextStream(FORM, self._policy, self._mac), place
        return rest + self._text.feed(event, body)

    def _end_text(self) -> bytes:
        """The held-back rest of the text that has ended."""
        text_stream, self._text, self._place = self._text, None, None
        return text_stream.end() if text_stream else b""

    def _other(self, event: bytes, kind: bytes, light: LightAnswer | None) -> bytes:
        if kind == b"response.created":
            return openai_json.inside("response", event, {"mmhie": self._initial})
        if kind in CLOSING:
            return self._close(event, light)
        if kind == b"error":  # the engine's own words may quote the request
            raise EngineRejected("The engine failed while it was answering; try again.")
        if self._policy.hides_reasoning and is_reasoning_event(kind.decode(errors="replace")):
            return b""
        changes = self._policy.hides_reasoning or self._policy.surrounds
        if kind in SAID_AGAIN and (changes or any(angle in event for angle in ANGLES)):
            return self._passed(event, kind, light)
        return event

    def _passed(self, event: bytes, kind: bytes, light: LightAnswer | None) -> bytes:
        """An event that repeats the text of the deltas, under the output policy."""
        light = light or keep_whole(event)
        body = openai_json.parse(light.body)
        try:
            passed = passed_on(body, kind, self._policy)
        except (AttributeError, TypeError):
            raise EngineGarbled("The engine's event is not one of the Responses API.") from None
        return event if passed is body else rewrite_event(kind, passed, light)

    def _close(self, event: bytes, light: LightAnswer | None) -> bytes:
        light = light or keep_whole(event)
        body = openai_json.parse_chunk(light.body)
        response = body.get("response") or {}
        state = ChoiceState(self._policy.digest(self._key), self._policy)
        finish = responses_output.hear(response, state)
        state.hear_model(response.get("model"))
        final = state.final(finish, fingerprint=None)
        if changes := responses_output.changes(response, self._policy):
            changed = {**body, "response": {**response, **changes}}
            event = rewrite_event(str(body.get("type")).encode(), changed, light)
        self.ended = True
        self.usage = openai_json.usage_of(response)
        self.finals.append(final)
        return openai_json.inside("response", event, {"mmhie": labels.merge(self._initial, final)})


def keep_whole(event: bytes) -> LightAnswer:
    """An event of which nothing is set aside."""
    content = sse.payload(event)
    return LightAnswer(content, content)


def rewrite_event(kind: bytes, body: Json, light: LightAnswer) -> bytes:
    """An event with a changed body, and its log probabilities as they came."""
    content = light.put_back(orjson.dumps(body))
    return b"event: " + kind + b"\n" + sse.data_only(content)


def passed_on(body: Json, kind: bytes, policy: OutputPolicy) -> Json:
    """The body of an event: the very same object where nothing has to change."""
    if kind == TEXT_DONE:
        openai_json.text_in(body, "text")
        return responses_output.text_holder_passed(body, policy)
    name, passed = (
        ("part", responses_output.part_passed)
        if kind in PARTS
        else ("item", responses_output.item_passed)
    )
    before = body.get(name)
    after = passed(before, policy) if before else before
    return body if after is before else {**body, name: after}


def has_logprobs(event: bytes) -> bool:
    """True for an event that may have log-probabilities, and not just vLLM's empty list of them."""
    return event.count(b'"logprobs"') != event.count(NO_LOGPROBS)


def event_name(event: bytes) -> bytes:
    """The name in an event's first line; empty for a data-only event."""
    if not event.startswith(b"event:"):
        return b""
    return sse.first_line(event)[6:].strip()


def event_type(event: bytes) -> bytes:
    """The `type` that a data-only event names; raises EngineRejected or EngineGarbled."""
    content = sse.payload(event)
    if not content or content == b"[DONE]":
        return b""
    return str(openai_json.parse_chunk(content).get("type")).encode()


def text_of_delta(event: bytes) -> bytes:
    """The text of a delta event, in UTF-8: what stands there where nothing is escaped, as in nearly
    all, or what its JSON says; empty for what goes on as it came and is no text."""
    if b"\\" not in event:  # so every quote begins or ends a string
        text, quote, _ = event.partition(DELTA_KEY)[2].partition(b'"')
        if quote:
            return text
    try:
        text_said = openai_json.text_in(openai_json.parse(sse.payload(event)), "delta")
    except GatewayError:
        return b""
    return text_said.encode(errors="surrogatepass")
