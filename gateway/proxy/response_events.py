"""Streams of the Responses API: labels inside the `response` of its created and closing events."""

from typing import Any

from gateway.errors import EngineGarbled, EngineRejected, GatewayError
from gateway.generate.stream_reader import parse
from gateway.http import sse
from gateway.proxy import openai_json, responses_output
from gateway.proxy.choice_state import ChoiceState
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.proxy.responses_text import ResponsesTextStream
from gateway.safety import provenance
from gateway.safety.reasoning import is_reasoning_event

CLOSING = (b"response.completed", b"response.incomplete", b"response.failed")
DELTA = b"response.output_text.delta"
TEXT_DONE = b"response.output_text.done"
PARTS = (b"response.content_part.added", b"response.content_part.done")
ITEMS = (b"response.output_item.added", b"response.output_item.done")
SAID_AGAIN = (TEXT_DONE, *PARTS, *ITEMS)
# A `<` as JSON may write it, too: without one there is no marker in an event.
ANGLES = (b"<", b"\\u003")

Place = tuple[object, object]


class ResponseEventRelay:
    """One stream, event by event; the same seam as ChunkRelay. It adds no event."""

    def __init__(self, first: dict[str, Any], *, key: bytes, shape: OutputPolicy = PLAIN) -> None:
        self.usage: dict[str, Any] | None = None
        self.finals: list[dict[str, Any]] = []
        self.ended = False
        self._first = first
        self._key = key
        self._shape = shape
        self._sequence = 0
        self._passage: ResponsesTextStream | None = None
        self._place: Place | None = None

    def relay(self, event: bytes) -> bytes:
        """What to send for an event; raises EngineRejected or EngineGarbled."""
        kind = event_name(event) or event_type(event)
        self._sequence += 1
        if kind == DELTA:
            return self._delta(event)
        if not kind:
            return event  # a comment
        return self._end_passage() + self._other(event, kind)

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
        is_plain = self._passage.is_plain if self._passage else not self._shape.surrounds
        if is_plain and not any(angle in event for angle in ANGLES):
            return event
        body = openai_json.parse(sse.payload(event))
        place = (body.get("output_index"), body.get("content_index"))
        rest = self._end_passage() if place != self._place else b""
        self._passage, self._place = self._passage or ResponsesTextStream(self._shape), place
        return rest + self._passage.feed(event, body)

    def _end_passage(self) -> bytes:
        """What still waits of the text that has ended."""
        passage, self._passage, self._place = self._passage, None, None
        return passage.end() if passage else b""

    def _other(self, event: bytes, kind: bytes) -> bytes:
        if kind == b"response.created":
            return openai_json.inside_response(event, {"mmhie": self._first})
        if kind in CLOSING:
            return self._close(event)
        if kind == b"error":  # the engine's own words may quote the request
            raise EngineRejected("The engine failed while it was answering.")
        if self._shape.hides_reasoning and is_reasoning_event(kind.decode(errors="replace")):
            return b""
        changes = self._shape.hides_reasoning or self._shape.surrounds
        if kind in SAID_AGAIN and (changes or any(angle in event for angle in ANGLES)):
            return self._passed(event, kind)
        return event

    def _passed(self, event: bytes, kind: bytes) -> bytes:
        """An event that says over again what the deltas said, as the caller may see it."""
        body = openai_json.parse(sse.payload(event))
        try:
            passed = passed_on(body, kind, self._shape)
        except (AttributeError, TypeError):
            raise EngineGarbled("The engine's event cannot be read.") from None
        return event if passed is body else sse.named(kind.decode(), passed)

    def _close(self, event: bytes) -> bytes:
        body = parse(sse.payload(event))
        response = body.get("response") or {}
        told = ChoiceState(provenance.new_digest(self._key), self._shape)
        final = told.final(responses_output.hear(response, told), fingerprint=None)
        if changes := responses_output.changes(response, self._shape):
            changed = {**body, "response": {**response, **changes}}
            event = sse.named(str(body.get("type")), changed)
        self.ended = True
        self.usage = openai_json.usage_of(response)
        self.finals.append(final)
        return openai_json.inside_response(event, {"mmhie": provenance.merge(self._first, final)})


def passed_on(body: dict[str, Any], kind: bytes, shape: OutputPolicy) -> dict[str, Any]:
    """The body of an event: the very same object where nothing has to change."""
    if kind == TEXT_DONE:
        text = openai_json.text_in(body, "text")
        return (
            responses_output.reworded(body, responses_output.text_passed(text, shape))
            if text
            else body
        )
    name, passed = (
        ("part", responses_output.part_passed)
        if kind in PARTS
        else ("item", responses_output.item_passed)
    )
    before = body.get(name)
    after = passed(before, shape) if before else before
    return body if after is before else {**body, name: after}


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
    return str(parse(content).get("type")).encode()
