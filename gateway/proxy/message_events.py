"""Streams of Anthropic's Messages API: labels inside the `message` of the first event and beside
the `delta` of the closing one."""

import re
from collections.abc import Callable, Mapping

from gateway.engine import openai_json
from gateway.errors import EngineCut, EngineGarbled, EngineRejected, GatewayError, InvalidRequest
from gateway.http import sse
from gateway.proxy import messages_error, messages_output
from gateway.proxy.messages_output import object_in
from gateway.proxy.output_policy import PLAIN, WENT_ON, ChoiceState, OutputPolicy
from gateway.proxy.text_stream import TextForm, TextStream
from gateway.runtime.json_types import Json
from gateway.safety import labels

# What a text delta of vLLM looks like in front of its text.
PLAIN_DELTA = b'"delta":{"type":"text_delta","text":"'
HIDDEN = "thinking_delta"
# vLLM wraps an error of its own stream in a sentence that ends so.
LATE_REFUSAL = re.compile(r"'code': 4\d\d\}")
FORM = TextForm(
    read=lambda body: openai_json.text_in(object_in(body, "delta"), "text"),
    write=lambda body, text: {**body, "delta": {**body["delta"], "text": text}},
)


class MessageEventRelay:
    """One stream, event by event; the same seam as ChunkRelay. It adds no event."""

    framed: None = None  # every event is read

    def __init__(self, initial: Json, *, key: bytes, policy: OutputPolicy = PLAIN) -> None:
        self.usage: Json | None = None
        self.pieces = 0
        self.finals: list[Json] = []
        self.ended = False
        self._initial = initial
        self._policy = policy
        self._state = ChoiceState(policy.digest(key), policy)
        self._text: TextStream | None = None
        self._index: object = None
        self._prompt_usage: Json | None = None

    def relay(self, event: bytes, _: object = None) -> bytes:
        """Return what to send for an event; raises EngineRejected or EngineGarbled."""
        is_plain = self._text.is_plain if self._text else not self._policy.surrounds
        if is_plain and not self.finals and (text := plain_text(event)):
            self._state.has_text = True
            self._state.mac.update(text)
            self.pieces += 1
            return event
        event = openai_json.unlabelled_event(event, "message")
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

    def digests(self) -> list[str]:
        """The digest of the text so far, if there is any."""
        has_text = self._state.has_text or (self._text is not None and self._text.has_text)
        return [labels.format_digest(self._state.mac)] if has_text else []

    def render(self, error: GatewayError) -> bytes:
        """A failure after the first byte, as the Messages API's own `error` event."""
        request_id = self._initial["provenance"]["request_id"]
        return sse.named("error", messages_error.envelope(error, request_id))

    def _text_delta(self, event: bytes, body: Json) -> bytes:
        """A piece of text, cleaned."""
        if self.finals:
            raise EngineGarbled(WENT_ON)
        index = body.get("index")
        rest = self._end_text() if index != self._index else b""
        self._text = self._text or TextStream(FORM, self._policy, self._state.mac)
        self._index = index
        return rest + self._text.feed(event, body)

    def _end_text(self) -> bytes:
        """The held-back rest of the text that has ended."""
        text, self._text, self._index = self._text, None, None
        if text is None:
            return b""
        rest = text.end()
        self._state.has_text |= text.has_text
        if text.was_stripped:
            self._state.warn("harmony_markers_stripped")
        return rest

    def _start(self, event: bytes, body: Json) -> bytes:
        message = object_in(body, "message")
        self._prompt_usage = messages_output.usage_of(message)
        self._state.hear_model(message.get("model"))
        return openai_json.inside("message", event, {"mmhie": self._initial})

    def _block(self, event: bytes, body: Json) -> bytes:
        """The beginning of a block; its text is empty but for engines that begin with one."""
        block = object_in(body, "content_block")
        self._state.hear(messages_output.as_message(block, self._state))
        passed = messages_output.block_passed(block, self._policy)
        if passed is block:
            return event
        return sse.named("content_block_start", {**body, "content_block": passed})

    def _delta(self, event: bytes, body: Json) -> bytes:
        """A piece of thinking or of a tool's input."""
        is_thinking = object_in(body, "delta").get("type") == HIDDEN
        return b"" if is_thinking and self._policy.hides_reasoning else event

    def _close(self, event: bytes, body: Json) -> bytes:
        """The event that says how the message ended."""
        finish = messages_output.finish(object_in(body, "delta").get("stop_reason"))
        final = self._state.final(finish, fingerprint=None)
        self.finals[:] = [final]
        self.usage = messages_output.both(self._prompt_usage, messages_output.usage_of(body))
        label = labels.merge(labels.repeatable(self._initial), final)
        return openai_json.append(event, {"mmhie": label})

    def _stop(self, event: bytes, _: Json) -> bytes:
        if not self.finals:
            raise EngineCut("The engine ended its answer without a stop_reason; try again.")
        self.ended = True
        return event

    def _pass(self, event: bytes, _: Json) -> bytes:
        return event


# Every event that ends a text; others, such as `ping`, come in between and go on as they are.
EVENTS: Mapping[str, Callable[[MessageEventRelay, bytes, Json], bytes]] = {
    "message_start": MessageEventRelay._start,
    "content_block_start": MessageEventRelay._block,
    "content_block_delta": MessageEventRelay._delta,
    "content_block_stop": MessageEventRelay._pass,
    "message_delta": MessageEventRelay._close,
    "message_stop": MessageEventRelay._stop,
}


def failure(body: Json) -> GatewayError:
    """Return what an error among the events means; the engine's own words may quote the request."""
    if LATE_REFUSAL.search(str(object_in(body, "error").get("message"))):
        return InvalidRequest(
            "The engine refused this request after it had begun to stream; send it without "
            "`stream` for the reason."
        )
    return EngineRejected("The engine failed while it was answering; try again.")


def plain_text(event: bytes) -> bytes:
    """The text of a delta in which nothing is escaped and no marker can begin, as in nearly all;
    empty for any other event."""
    if b"\\" in event or b"<" in event:  # else every quote begins or ends a string
        return b""
    text, quote, _ = event.partition(PLAIN_DELTA)[2].partition(b'"')
    return text if quote else b""
