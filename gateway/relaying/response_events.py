"""Streams of the Responses API: labels inside the `response` of its created and closing events."""

from typing import Any

import orjson

from gateway.answering.reading import parse
from gateway.errors import GatewayError
from gateway.relaying.told import Told
from gateway.relaying.whole import hear_response, response_finish
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
        kind = event_name(event)
        self._sequence += 1
        if kind == b"response.created":
            return openai.inside_response(event, {"mmhie": self._first})
        if kind in CLOSING:
            return self._close(event)
        if kind == b"error" or not kind:
            self._check(event)
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
        self.ended = True
        response = parse(sse.payload(event)).get("response") or {}
        self.usage = response.get("usage")
        told = Told(provenance.digest(self._key))
        hear_response(response, told, raw=event)
        final = told.final(response_finish(response), fingerprint=None)
        self.finals.append(final)
        return openai.inside_response(event, {"mmhie": provenance.whole(self._first, final)})

    def _check(self, event: bytes) -> None:
        content = sse.payload(event)
        if content and content != b"[DONE]":
            parse(content)


def event_name(event: bytes) -> bytes:
    """The name in an event's first line; empty for a data-only event."""
    if not event.startswith(b"event:"):
        return b""
    return event[6 : event.find(b"\n")].strip()
