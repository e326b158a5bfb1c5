"""Streams of the Responses API: labels inside the `response` of its created and closing events."""

from typing import Any

import orjson

from gateway.answering.reading import parse
from gateway.errors import EngineRejected, GatewayError
from gateway.relaying.shape import PLAIN, Shape
from gateway.relaying.told import Told
from gateway.relaying.whole import hear_response, hidden
from gateway.safety import provenance
from gateway.safety.reasoning import is_reasoning_event
from gateway.wire import openai, sse

CLOSING = (b"response.completed", b"response.incomplete", b"response.failed")


class ResponseEventRelay:
    """One stream, event by event; the same seam as ChunkRelay."""

    def __init__(self, first: dict[str, Any], *, key: bytes, shape: Shape = PLAIN) -> None:
        self.usage: dict[str, Any] | None = None
        self.finals: list[dict[str, Any]] = []
        self.ended = False
        self._first = first
        self._key = key
        self._shape = shape
        self._sequence = 0

    def relay(self, event: bytes) -> bytes:
        """What to send for an event; raises EngineRejected or EngineGarbled."""
        kind = event_name(event) or event_type(event)
        self._sequence += 1
        if kind == b"response.created":
            return openai.inside_response(event, {"mmhie": self._first})
        if kind in CLOSING:
            return self._close(event)
        if kind == b"error":  # the engine's own words may quote the request
            raise EngineRejected("The engine failed while it was answering.")
        return self._without_reasoning(event, kind) if self._shape.hides_reasoning else event

    def render(self, error: GatewayError) -> bytes:
        """A failure after the first byte, as the Responses API's own `error` event."""
        envelope = error.envelope()
        body = {
            "type": "error",
            "sequence_number": self._sequence,
            **{name: envelope["error"].get(name) for name in ("code", "message", "param")},
            **envelope,
        }
        return named(b"error", body)

    def _without_reasoning(self, event: bytes, kind: bytes) -> bytes:
        """The event, unless it spells reasoning out; an item of reasoning stays, emptied."""
        if is_reasoning_event(kind.decode()):
            return b""
        if not kind.startswith(b"response.output_item"):
            return event
        body = parse(sse.payload(event))
        item = self._shape.output([body.get("item") or {}])[0]
        return named(kind, {**body, "item": item})

    def _close(self, event: bytes) -> bytes:
        body = parse(sse.payload(event))
        response = body.get("response") or {}
        told = Told(provenance.digest(self._key), self._shape)
        final = told.final(hear_response(response, told, raw=event), fingerprint=None)
        if changes := hidden(response, self._shape):
            event = named(event_name(event), {**body, "response": {**response, **changes}})
        self.ended = True
        self.usage = openai.usage_of(response)
        self.finals.append(final)
        return openai.inside_response(event, {"mmhie": provenance.whole(self._first, final)})


def named(kind: bytes, body: dict[str, Any]) -> bytes:
    """One event of the Responses API."""
    return b"event: " + kind + b"\ndata: " + orjson.dumps(body) + b"\n\n"


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
