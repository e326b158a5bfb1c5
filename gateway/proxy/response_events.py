"""Streams of the Responses API: labels inside the `response` of its created and closing events."""

from gateway.engine import openai_json
from gateway.errors import EngineGarbled, EngineRejected, GatewayError
from gateway.http import sse
from gateway.proxy import responses_output
from gateway.proxy.output_policy import ChoiceState
from gateway.proxy.text_stream import NamedEventRelay, TextForm
from gateway.runtime.json_types import Json
from gateway.safety import labels
from gateway.safety.reasoning import is_reasoning_event

CLOSING = (b"response.completed", b"response.incomplete", b"response.failed")
DELTA = b"response.output_text.delta"
DELTA_SUFFIX = b".delta"  # of text, reasoning or a call's arguments: at least one token
DELTA_KEY = b'"delta":"'
NO_LOGPROBS = b'"logprobs":[]'
TEXT_DONE = b"response.output_text.done"
PARTS = (b"response.content_part.added", b"response.content_part.done")
ITEMS = (b"response.output_item.added", b"response.output_item.done")
REPEATS = (TEXT_DONE, *PARTS, *ITEMS)  # the text of the deltas


class ResponseEventRelay(NamedEventRelay):
    """Relays one stream, event by event; it adds no event."""

    form = TextForm(
        read=lambda body: openai_json.text_in(body, "delta"),
        write=lambda body, text: {**body, "delta": text},
    )
    _sequence = 0

    def relay(self, event: bytes) -> bytes:
        """Return the bytes to send for an event; raise EngineRejected or EngineGarbled."""
        kind = event_name(event) or event_type(event)
        self._sequence += 1
        self.pieces += kind.endswith(DELTA_SUFFIX)
        if not kind:
            return event  # a comment
        event = openai_json.remove_labels(event, "response")
        if kind == DELTA:
            return self._delta(event)
        return self._end_text() + self._other(event, kind)

    def render(self, error: GatewayError) -> bytes:
        """Render a failure after the first byte as the Responses API's own `error` event."""
        envelope = error.envelope()
        body = {
            "type": "error",
            "sequence_number": self._sequence,
            **{name: envelope["error"].get(name) for name in ("code", "message", "param")},
            **envelope,
        }
        return sse.named("error", body)

    def _delta(self, event: bytes) -> bytes:
        """Clean a piece of text; parse it only if necessary."""
        is_plain = self._text.is_plain if self._text else not self._policy.surrounds
        is_spelt = self._policy.hides_reasoning and has_logprobs(event)
        if is_plain and not is_spelt and not has_angle(event):
            if text := text_of_delta(event):
                state = self._state
                state.has_text = True
                state.mac.update(text)
            return event
        body = openai_json.parse(sse.payload(event))
        if is_spelt:
            body = responses_output.without_logprobs(body)
            event = sse.named(DELTA.decode(), body)
        return self._feed(event, body, (body.get("output_index"), body.get("content_index")))

    def _other(self, event: bytes, kind: bytes) -> bytes:
        if kind == b"response.created":
            return openai_json.insert("response", event, {"mmhie": self._initial})
        if kind in CLOSING:
            return self._close(event)
        if kind == b"error":  # the engine's own words may quote the request
            raise EngineRejected("The engine failed while it was answering; try again.")
        if self._policy.hides_reasoning and is_reasoning_event(kind.decode(errors="replace")):
            return b""
        changes = self._policy.hides_reasoning or self._policy.surrounds
        if kind in REPEATS and (changes or has_angle(event)):
            return self._repeat(event, kind)
        return event

    def _repeat(self, event: bytes, kind: bytes) -> bytes:
        """Apply the output policy to an event that repeats the text of the deltas."""
        body = openai_json.parse(sse.payload(event))
        own = ChoiceState(labels.new_digest(self._key), self._policy)
        try:
            passed = pass_repeat(body, kind, own)
        except (AttributeError, TypeError):
            raise EngineGarbled("The engine's event is not one of the Responses API.") from None
        return event if passed is body else sse.named(kind.decode(), passed)

    def _close(self, event: bytes) -> bytes:
        body = openai_json.parse_chunk(sse.payload(event))
        response = body.get("response") or {}
        state = ChoiceState(self._policy.digest(self._key), self._policy)
        changes, finish = responses_output.pass_on(response, state)
        state.check_model_name(response.get("model"))
        final = state.final(finish, fingerprint=None)
        if changes:
            changed = {**body, "response": {**response, **changes}}
            event = sse.named(str(body.get("type")), changed)
        self.ended = True
        self.usage = openai_json.read_usage(response)
        self.finals.append(final)
        return openai_json.insert("response", event, {"mmhie": labels.merge(self._initial, final)})


def pass_repeat(body: Json, kind: bytes, state: ChoiceState) -> Json:
    """Return the body of an event for the caller, the same object if nothing changes."""
    if kind == TEXT_DONE:
        openai_json.text_in(body, "text")
        return responses_output.pass_text(body, state)
    is_part = kind in PARTS
    name = "part" if is_part else "item"
    pass_inner = responses_output.pass_part if is_part else responses_output.pass_item
    before = body.get(name)
    after = pass_inner(before, state) if before else before
    return body if after is before else {**body, name: after}


def has_angle(event: bytes) -> bool:
    """Return whether an event may contain `<`, the beginning of a marker, in either JSON form."""
    return b"<" in event or b"\\u003" in event


def has_logprobs(event: bytes) -> bool:
    """Return whether an event may have log-probabilities other than vLLM's empty list."""
    return event.count(b'"logprobs"') != event.count(NO_LOGPROBS)


def event_name(event: bytes) -> bytes:
    """Return the name in an event's first line; empty for a data-only event."""
    if not event.startswith(b"event:"):
        return b""
    return sse.first_line(event)[6:].strip()


def event_type(event: bytes) -> bytes:
    """Return the `type` of a data-only event; raise EngineRejected or EngineGarbled."""
    content = sse.payload(event)
    if not content or content == b"[DONE]":
        return b""
    return str(openai_json.parse_chunk(content).get("type")).encode()


def text_of_delta(event: bytes) -> bytes:
    """Return the text of a delta event in UTF-8; empty for an event without one."""
    if b"\\" not in event:  # without escapes, each quote begins or ends a string
        text, quote, _ = event.partition(DELTA_KEY)[2].partition(b'"')
        if quote:
            return text
    try:
        body = openai_json.parse(sse.payload(event))
        return openai_json.text_in(body, "delta").encode(errors="surrogatepass")
    except GatewayError:
        return b""
