"""Streams of the Responses API: labels inside `response` of the first and the closing event."""

import pytest

from gateway.errors import EngineGarbled, EngineRejected, GatewayError
from gateway.http import sse
from gateway.proxy.output_policy import OutputPolicy
from gateway.proxy.response_events import ResponseEventRelay
from gateway.safety.labels import keyed_digest
from tests.gateway.proxy.relayed import content
from tests.gateway.proxy.relayed import named as event

FIRST = {"disclaimer": {"text": "Not advice."}, "provenance": {"request_id": "id-1"}}
MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
REASONING = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}


def relay() -> ResponseEventRelay:
    return ResponseEventRelay(FIRST, key=b"k")


def test_created_and_completed_are_labelled() -> None:
    """One half in the first event, all of it in the last; other events keep their bytes."""
    own = relay()
    created = content(own.relay(event("response.created", response={"id": "r1", "output": []})))
    assert created["response"] == {"mmhie": FIRST, "id": "r1", "output": []}
    between = event("response.output_text.delta", delta="a")
    assert own.relay(between) is between
    closing = {"id": "r1", "status": "completed", "output": [MESSAGE], "usage": {"input_tokens": 1}}
    completed = content(own.relay(event("response.completed", response=closing)))
    label = completed["response"].pop("mmhie")
    assert completed["response"] == closing
    assert label["disclaimer"] == FIRST["disclaimer"]
    assert label["truncated"] is None
    assert label["provenance"]["output_digest"].startswith("hmac-sha256:")
    assert own.ended
    assert own.usage == {"input_tokens": 1}


def test_events_without_a_name_are_known_by_their_type() -> None:
    """Events without an `event:` line are labelled, too."""
    data = sse.encode({"type": "response.created", "response": {"id": "r1"}})
    assert content(relay().relay(data))["response"]["mmhie"] == FIRST
    windows = event("response.created", response={}).replace(b"\n", b"\r\n")
    assert content(relay().relay(windows))["response"] == {"mmhie": FIRST}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (event("error", message="chest pain"), EngineRejected),
        (sse.encode({"error": {"message": "chest pain"}}), EngineRejected),
        (b"data: {\n\n", EngineGarbled),
        (event("response.created"), EngineGarbled),
        (event("response.completed", response="x"), EngineGarbled),
        (event("response.completed", response={"output": [{"content": [1]}]}), EngineGarbled),
        (event("response.output_text.delta", delta=["<"]), EngineGarbled),
        (event("response.output_text.done", text=["<"]), EngineGarbled),
        (event("response.content_part.done", part="<"), EngineGarbled),
        (event("response.output_item.done", item={"content": ["<"]}), EngineGarbled),
    ],
)
def test_failures_are_named(raw: bytes, kind: type[GatewayError]) -> None:
    """An engine's error in our words, EngineGarbled for invalid events; the answer has not
    ended."""
    own = relay()
    with pytest.raises(kind) as raised:
        own.relay(raw)
    assert "chest" not in raised.value.message
    assert not own.ended or own.finals


def test_hidden_reasoning_is_in_no_event() -> None:
    """Its deltas are dropped; its item is emptied, so that indices stay the same."""
    own = ResponseEventRelay(FIRST, key=b"k", policy=OutputPolicy(policy="hide"))
    closing = {"id": "r1", "status": "completed", "output": [REASONING, MESSAGE]}
    events = [
        event("response.created", response={"id": "r1", "output": []}),
        event("response.output_item.added", item=REASONING, output_index=0),
        event("response.reasoning_text.delta", delta="hm"),
        event("response.content_part.done", part=REASONING["content"][0], output_index=0),
        event("response.output_item.done", item=REASONING, output_index=0),
        event("response.output_text.delta", delta="a"),
        event("response.completed", response=closing),
    ]
    out = [own.relay(each) for each in events]

    assert b'"hm"' not in b"".join(out)
    assert out[2] == b""
    assert content(out[3])["part"] == {"type": "reasoning_text", "text": ""}
    assert content(out[4])["item"]["type"] == "reasoning"
    assert out[5] is events[5]
    assert len(content(out[6])["response"]["output"]) == 2


def test_an_answer_that_breaks_off_has_a_digest() -> None:
    """It is the digest of the text so far, and equals that of a whole answer with this text."""
    own = relay()
    assert own.digests() == []
    for text in ("Ja, ", "gr\u00fcn\n", '"ok"', "a < b"):
        own.relay(event("response.output_text.delta", delta=text))
    own.relay(event("response.output_text.done", text=""))

    assert own.digests() == [keyed_digest(b"k", 'Ja, gr\u00fcn\n"ok"a < b')]
