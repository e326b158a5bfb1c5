"""Streams of Anthropic's Messages API: labels inside the `message` of the first event and beside
the `delta` of the closing one."""

import re
from collections.abc import Callable, Mapping

from gateway.engine import openai_json
from gateway.errors import EngineCut, EngineGarbled, EngineRejected, GatewayError, InvalidRequest
from gateway.http import sse
from gateway.proxy import messages_error, messages_output
from gateway.proxy.messages_output import object_in
from gateway.proxy.output_policy import WENT_ON
from gateway.proxy.text_stream import NamedEventRelay, TextForm
from gateway.runtime.json_types import Json
from gateway.safety import labels

HIDDEN = "thinking_delta"
# The end of the sentence in which vLLM wraps an error of its own stream.
LATE_REFUSAL = re.compile(r"'code': 4\d\d\}")


class MessageEventRelay(NamedEventRelay):
    """Relays one stream, event by event; it adds no event."""

    form = TextForm(
        read=lambda body: openai_json.text_in(object_in(body, "delta"), "text"),
        write=lambda body, text: {**body, "delta": {**body["delta"], "text": text}},
    )
    _prompt_usage: Json | None = None

    def relay(self, event: bytes) -> bytes:
        """Return the bytes to send for an event; raise EngineRejected or EngineGarbled."""
        event = openai_json.remove_labels(event, "message")
        content = sse.payload(event)
        if not content:
            return event  # a comment
        body = openai_json.parse(content)
        if body.get("error"):
            raise failure(body)
        kind = str(body.get("type"))
        self.pieces += kind == "content_block_delta"
        if kind == "content_block_delta" and object_in(body, "delta").get("type") == "text_delta":
            return self._text_delta(event, body)
        if kind not in EVENTS:
            return event
        return self._end_text() + EVENTS[kind](self, event, body)

    def render(self, error: GatewayError) -> bytes:
        """Render a failure after the first byte as the Messages API's own `error` event."""
        envelope = messages_error.envelope(error, self._initial["provenance"]["request_id"])
        return self._flush() + sse.named("error", envelope)

    def _text_delta(self, event: bytes, body: Json) -> bytes:
        if self.finals:
            raise EngineGarbled(WENT_ON)
        return self._feed(event, body, (body.get("index"),))

    def _start(self, event: bytes, body: Json) -> bytes:
        message = object_in(body, "message")
        self._prompt_usage = messages_output.token_counts(message)
        self._state.check_model_name(message.get("model"))
        return openai_json.insert("message", event, {"mmhie": self._initial})

    def _block(self, event: bytes, body: Json) -> bytes:
        """Pass the beginning of a block; some engines begin one with text."""
        block = object_in(body, "content_block")
        passed = messages_output.pass_block(block, self._state)
        if passed is block:
            return event
        return sse.named("content_block_start", {**body, "content_block": passed})

    def _delta(self, event: bytes, body: Json) -> bytes:
        """Pass a piece of thinking or of a tool's input."""
        is_thinking = object_in(body, "delta").get("type") == HIDDEN
        return b"" if is_thinking and self._policy.hides_reasoning else event

    def _close(self, event: bytes, body: Json) -> bytes:
        """Label the event with the stop reason."""
        finish = messages_output.finish_reason(object_in(body, "delta").get("stop_reason"))
        final = self._state.final(finish, fingerprint=None)
        self.finals[:] = [final]
        counts = messages_output.token_counts(body)
        self.usage = messages_output.merge_counts(self._prompt_usage, counts)
        label = labels.merge(labels.repeatable(self._initial), final)
        return openai_json.append(event, {"mmhie": label})

    def _stop(self, event: bytes, _: Json) -> bytes:
        if not self.finals:
            raise EngineCut("The engine ended its answer without a stop_reason; try again.")
        self.ended = True
        return event

    def _pass(self, event: bytes, _: Json) -> bytes:
        return event


# Events that end a text. Others, such as `ping`, may come within one and pass unchanged.
EVENTS: Mapping[str, Callable[[MessageEventRelay, bytes, Json], bytes]] = {
    "message_start": MessageEventRelay._start,
    "content_block_start": MessageEventRelay._block,
    "content_block_delta": MessageEventRelay._delta,
    "content_block_stop": MessageEventRelay._pass,
    "message_delta": MessageEventRelay._close,
    "message_stop": MessageEventRelay._stop,
}


def failure(body: Json) -> GatewayError:
    """Return the error for an error event; the engine's own words may quote the request."""
    if LATE_REFUSAL.search(str(object_in(body, "error").get("message"))):
        return InvalidRequest(
            "The engine refused this request after it had begun to stream; send it without "
            "`stream` for the reason."
        )
    return EngineRejected("The engine failed while it was answering; try again.")
