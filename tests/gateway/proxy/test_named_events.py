"""Streams of named events, of the Responses and the Messages API: failures, and digests."""

from typing import Any

import pytest

from gateway.errors import EngineCut, EngineGarbled, EngineRejected, GatewayError, InvalidRequest
from gateway.http import sse
from gateway.proxy.message_events import MessageEventRelay
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.proxy.response_events import ResponseEventRelay
from gateway.safety.labels import keyed_digest
from gateway.safety.placement import Surroundings
from tests.gateway.proxy.relayed import content
from tests.gateway.proxy.relayed import named as event

FIRST = {"disclaimer": {"text": "Not advice."}, "provenance": {"request_id": "id-1"}, "notices": []}
START = {"id": "m1", "content": [], "usage": {"input_tokens": 7, "output_tokens": 0}}


def response() -> ResponseEventRelay:
    return ResponseEventRelay(FIRST)


def message(policy: OutputPolicy = PLAIN) -> MessageEventRelay:
    own = MessageEventRelay(FIRST, policy)
    own.relay(event("message_start", message=START))
    return own


def delta(text: object) -> bytes:
    fields = {"type": "text_delta", "text": text}
    return event("content_block_delta", delta=fields, index=0)


def closing(**usage: int) -> bytes:
    return event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage)


def test_events_without_a_name_are_known_by_their_type() -> None:
    """Events without an `event:` line are labelled, too."""
    data = sse.encode({"type": "response.created", "response": {"id": "r1"}})
    assert content(response().relay(data))["response"]["mmhie"] == FIRST
    windows = event("response.created", response={}).replace(b"\n", b"\r\n")
    assert content(response().relay(windows))["response"] == {"mmhie": FIRST}


@pytest.mark.parametrize(
    ("make", "raw", "kind"),
    [
        (response, event("error", message="chest pain"), EngineRejected),
        (response, sse.encode({"error": {"message": "chest pain"}}), EngineRejected),
        (response, b"data: {\n\n", EngineGarbled),
        (response, event("response.created"), EngineGarbled),
        (response, event("response.completed", response={"output": [1]}), EngineGarbled),
        (response, event("response.output_text.delta", delta=["<"]), EngineGarbled),
        (response, event("response.output_text.done", text=["<"]), EngineGarbled),
        (response, event("response.content_part.done", part="<"), EngineGarbled),
        (response, event("response.output_item.done", item={"content": ["<"]}), EngineGarbled),
        (message, event("error", error={"type": "x", "message": "chest pain"}), EngineRejected),
        (message, event("error", error={"message": "...'code': 400}}, input"}), InvalidRequest),
        (message, event("message_stop"), EngineCut),
        (message, event("message_start", message=[]), EngineGarbled),
        (message, delta(7), EngineGarbled),
        (message, b"data: [DONE]\n\n", EngineGarbled),
    ],
)
def test_failures_are_named(make: Any, raw: bytes, kind: type[GatewayError]) -> None:
    """An engine's error in our words, an end without a reason, invalid events."""
    with pytest.raises(kind) as raised:
        make().relay(raw)
    assert "chest" not in raised.value.message


SAID = {"type": "response.output_text.delta", "inner": {"delta": "b"}, "delta": "a"}


def test_events_are_known_by_their_type() -> None:
    """As by the callers: another name, or a look-alike of the text, hides no text or thought."""
    own = ResponseEventRelay(FIRST, OutputPolicy(hides_reasoning=True))
    own.relay(sse.named("ping", SAID))
    assert own.digests() == [keyed_digest(b"", "a")]
    assert own.relay(sse.named("ping", {**SAID, "type": "response.reasoning_text.delta"})) == b""

    anthropic = message()
    said = {"delta": {"type": "text_delta", "text": "a"}}
    inner = {"delta": {**said["delta"], "text": "b"}}
    anthropic.relay(event("content_block_delta", inner=inner, **said))
    assert anthropic.digests() == [keyed_digest(b"", "a")]


def test_hidden_reasoning_is_in_no_event() -> None:
    """Its deltas are dropped; its item is emptied, so that indices stay the same."""
    part = {"type": "reasoning_text", "text": "hm"}
    item = {"type": "reasoning", "content": [part]}
    said = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    own = ResponseEventRelay(FIRST, OutputPolicy(hides_reasoning=True))
    events = [
        event("response.output_item.added", item=item, output_index=0),
        event("response.reasoning_text.delta", delta="hm"),
        event("response.content_part.done", part=part, output_index=0),
        event("response.output_text.delta", delta="a"),
        event("response.completed", response={"status": "completed", "output": [item, said]}),
    ]
    out = [own.relay(each) for each in events]

    assert b'"hm"' not in b"".join(out)
    assert out[1] == b""
    assert content(out[2])["part"] == {**part, "text": ""}
    assert out[3] is events[3]
    assert len(content(out[4])["response"]["output"]) == 2


def test_text_behind_the_closing_event_is_a_fault() -> None:
    """The closing label has been sent, with the digest of the text before it."""
    own = message()
    own.relay(delta("two words"))
    own.relay(closing())
    with pytest.raises(EngineGarbled):
        own.relay(delta(" and more"))
    with pytest.raises(EngineGarbled):
        list(map(own.relay, [closing()] * 9))  # each may be signed


def test_an_answer_that_breaks_off_has_the_digest_of_what_came() -> None:
    """The last delta, which waits if a disclaimer follows, is sent with the error; without text
    there is no digest."""
    own = response()
    assert own.digests() == []
    for text in ("Ja, ", "gr\u00fcn\n", '"ok"', "a < b"):
        own.relay(event("response.output_text.delta", delta=text))
    own.relay(event("response.output_text.done", text=""))
    assert own.digests() == [keyed_digest(b"", 'Ja, gr\u00fcn\n"ok"a < b')]

    waiting = message(OutputPolicy(around=Surroundings("Note. ", " Note.")))
    assert b"Note. a" in waiting.relay(delta("a")) + waiting.relay(delta("b"))
    assert b'"b"' in waiting.render(EngineCut("Cut."))
    assert waiting.digests() == [keyed_digest(b"", "ab")]
