"""Streams of the Responses API: labels inside the `response` of its created and closing events."""

from typing import Any

import orjson

from gateway.answering.reading import parse
from gateway.errors import EngineRejected, GatewayError
from gateway.relaying.told import Told
from gateway.relaying.whole import hear_response
from gateway.safety import provenance
from gateway.wire import openai, sse

CLOSING = (b"response.completed", b"response.incomplete", b"response.failed")


class ResponseEventRelay:
    """One stream, event by event; the same seam as ChunkRelay."""

    def __init__(self, first: dict[str, Any], *, key: bytes) -> None:
        self.usage: dict[str, Any] | None = None
        self.finals: list[dict[str, Any]] = []
        self.ended = False
        self._first = first
        self._key = key
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
        return event

    def render(self, error: GatewayError) -> bytes:
        """A failure after the first byte, as the Responses API's own `error` event."""
        envelope = error.envelope()
        body = {
            "type": "error",
            "sequence_number": self._sequence,
            **{name: envelope["error"].get(name) for name in ("code", "message", "param")},
            **envelope,
        }
        return b"event: error\ndata: " + orjson.dumps(body) + b"\n\n"

    def _close(self, event: bytes) -> bytes:
        response = parse(sse.payload(event)).get("response") or {}
        told = Told(provenance.digest(self._key))
        final = told.final(hear_response(response, told, raw=event), fingerprint=None)
        self.ended = True
        self.usage = openai.usage_of(response)
        self.finals.append(final)
        return openai.inside_response(event, {"mmhie": provenance.whole(self._first, final)})


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
