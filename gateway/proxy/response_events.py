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

CLOSING = ("response.completed", "response.incomplete", "response.failed")
DELTA = "response.output_text.delta"
DELTA_SUFFIX = ".delta"  # of text, reasoning or a call's arguments: at least one token
TEXT_DONE = "response.output_text.done"
PARTS = ("response.content_part.added", "response.content_part.done")
ITEMS = ("response.output_item.added", "response.output_item.done")
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
        event = openai_json.remove_labels(event, "response")
        content = sse.payload(event)
        if content in (b"", b"[DONE]"):
            return event  # a comment, or an end that the API does not have
        body = openai_json.parse_chunk(content)
        kind = str(body.get("type"))
        self._sequence += 1
        self.pieces += kind.endswith(DELTA_SUFFIX)
        if kind == DELTA:
            return self._delta(event, body)
        return self._end_text() + self._other(event, kind, body)

    def render(self, error: GatewayError) -> bytes:
        """Render a failure after the first byte as the Responses API's own `error` event."""
        envelope = error.envelope()
        body = {
            "type": "error",
            "sequence_number": self._sequence,
            **{name: envelope["error"].get(name) for name in ("code", "message", "param")},
            **envelope,
        }
        return self._flush() + sse.named("error", body)

    def _delta(self, event: bytes, body: Json) -> bytes:
        if self._policy.hides_reasoning and body.get("logprobs"):
            body = responses_output.without_logprobs(body)
            event = sse.named(DELTA, body)
        return self._feed(event, body, (body.get("output_index"), body.get("content_index")))

    def _other(self, event: bytes, kind: str, body: Json) -> bytes:
        if kind == "response.created":
            return openai_json.insert("response", event, {"mmhie": self._initial})
        if kind in CLOSING:
            return self._close(event, body)
        if kind == "error":  # the engine's own words may quote the request
            raise EngineRejected("The engine failed while it was answering; try again.")
        if self._policy.hides_reasoning and is_reasoning_event(kind):
            return b""
        return self._repeat(event, kind, body) if kind in REPEATS else event

    def _repeat(self, event: bytes, kind: str, body: Json) -> bytes:
        """Apply the output policy to an event that repeats the text of the deltas."""
        own = ChoiceState(labels.new_digest(self._policy.key), self._policy)
        try:
            passed = pass_repeat(body, kind, own)
        except (AttributeError, TypeError):
            raise EngineGarbled("The engine's event is not one of the Responses API.") from None
        return event if passed is body else sse.named(kind, passed)

    def _close(self, event: bytes, body: Json) -> bytes:
        response = body.get("response") or {}
        state = ChoiceState(self._policy.digest(), self._policy)
        changes, finish = responses_output.pass_on(response, state)
        state.check_model_name(response.get("model"))
        final = state.final(finish, fingerprint=None)
        if changes:
            changed = {**body, "response": {**response, **changes}}
            event = sse.named(str(body["type"]), changed)
        self.ended = True
        self.usage = openai_json.read_usage(response)
        self.finals.append(final)
        return openai_json.insert("response", event, {"mmhie": labels.merge(self._initial, final)})


def pass_repeat(body: Json, kind: str, state: ChoiceState) -> Json:
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
