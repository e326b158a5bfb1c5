"""Streams of Anthropic's Messages API: labels on the first and the closing event, clean text."""

from typing import Any

import pytest

from gateway.errors import EngineCut, EngineGarbled, EngineRejected, GatewayError, InvalidRequest
from gateway.proxy.message_events import MessageEventRelay
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.safety.labels import keyed_digest
from gateway.safety.placement import Surroundings
from tests.gateway.proxy.relayed import content
from tests.gateway.proxy.relayed import named as event

DISCLAIMER = {"text": "Not advice.", "version": "1"}
FIRST = {"disclaimer": DISCLAIMER, "provenance": {"request_id": "id-1"}, "notices": []}
HIDE = OutputPolicy("hide")
START = {"id": "m1", "content": [], "usage": {"input_tokens": 7, "output_tokens": 0}}


def delta(text: str, index: int = 0) -> bytes:
    fields = {"type": "text_delta", "text": text}
    return event("content_block_delta", delta=fields, index=index)


def thought(text: str) -> bytes:
    fields = {"type": "thinking_delta", "thinking": text}
    return event("content_block_delta", delta=fields, index=0)


def block(kind: str, **more: Any) -> bytes:
    return event("content_block_start", content_block={"type": kind, **more}, index=0)


def closing(reason: str | None = "end_turn") -> bytes:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3}
    return event("message_delta", delta={"stop_reason": reason}, usage=usage)


STOP = event("content_block_stop", index=0)


def relay(policy: OutputPolicy = PLAIN) -> MessageEventRelay:
    own = MessageEventRelay(FIRST, key=b"k", policy=policy)
    own.relay(event("message_start", message=START))
    return own


def said(raw: bytes) -> str:
    """Return the text of relayed events."""
    frames = [content(word + b"\n\n") for word in raw.split(b"\n\n")[:-1]]
    return "".join(frame.get("delta", {}).get("text", "") for frame in frames)


def test_the_first_and_the_closing_event_are_labelled() -> None:
    """One half inside `message`, the other beside `delta`; other events keep their bytes."""
    own = MessageEventRelay(FIRST, key=b"k")
    started = own.relay(event("message_start", message=START))
    assert content(started)["message"] == {"mmhie": FIRST, **START}
    for between in (block("text", text=""), delta("a"), STOP, event("ping")):
        assert own.relay(between) is between
    closed = content(own.relay(closing()))
    label = closed.pop("mmhie")
    assert closed == content(closing())
    assert label["disclaimer"] == {"version": "1"}
    assert label["truncated"] is None
    assert label["provenance"]["output_digest"] == keyed_digest(b"k", "a")
    assert not own.ended
    assert own.relay(event("message_stop")) == event("message_stop")
    assert own.ended
    assert own.usage == {"input_tokens": 7, "output_tokens": 3}
    assert own.pieces == 1


def test_counts_of_an_engine_that_has_the_prompts_at_the_beginning() -> None:
    """Anthropic's own API may send the prompt's tokens in the first event only."""
    own = relay()
    own.relay(event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3}))
    assert own.usage == {"input_tokens": 7, "output_tokens": 3}


@pytest.mark.parametrize(
    ("blocks", "reason", "truncated", "warnings"),
    [
        ([delta("a")], None, None, ["ended_early"]),
        (
            [block("thinking", thinking=""), thought("hm")],
            *("max_tokens", "in_reasoning", ["reasoning_only"]),
        ),
        ([block("tool_use", name="f", input={})], "tool_use", None, []),
    ],
)
def test_an_answer_says_how_it_ended(
    blocks: list[bytes], reason: str | None, truncated: str | None, warnings: list[str]
) -> None:
    """Truncations, missing answers and early ends are in the label."""
    own = relay()
    for block in blocks:
        own.relay(block)
    label = content(own.relay(closing(reason)))["mmhie"]
    assert (label["truncated"], label["warnings"]) == (truncated, warnings)


def test_a_marker_is_stripped_wherever_it_is_cut() -> None:
    """Text that leaked from a header is not shown, and a warning says so."""
    text = "It is benign.<|channel|>analysis<|message|>Or is it?"
    for size in range(1, 20):
        own = relay()
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        shown = b"".join(own.relay(delta(piece)) for piece in pieces) + own.relay(STOP)
        label = content(own.relay(closing()))["mmhie"]
        assert said(shown) == "It is benign."
        assert label["warnings"] == ["harmony_markers_stripped"]
        assert label["provenance"]["output_digest"] == keyed_digest(b"k", "It is benign.")


def test_hidden_thinking_leaves_an_empty_block() -> None:
    """Blocks keep their index, which clients need to join the deltas."""
    own = relay(HIDE)
    opening, end = block("thinking", thinking=""), STOP
    signature = event("content_block_delta", delta={"type": "signature_delta"}, index=0)
    assert own.relay(opening) is opening
    assert own.relay(thought("The patient")) == b""
    assert own.relay(signature) is signature
    assert own.relay(end) is end
    assert own.relay(delta("a", index=1)) == delta("a", index=1)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (event("error", error={"type": "internal_error", "message": "x"}), EngineRejected),
        (event("error", error={"message": "...'code': 400}}, input_type"}), InvalidRequest),
        (event("message_stop"), EngineCut),
        (event("message_start", message=[]), EngineGarbled),
        (event("content_block_delta", delta={"type": "text_delta", "text": 7}), EngineGarbled),
        (b"data: [DONE]\n\n", EngineGarbled),
    ],
)
def test_what_is_no_answer(raw: bytes, kind: type[GatewayError]) -> None:
    """An error event, an end without a reason, invalid events."""
    with pytest.raises(kind):
        relay().relay(raw)


def test_text_behind_the_closing_event_is_a_fault() -> None:
    """The closing label has been sent, with the digest of the text before it."""
    own = relay()
    own.relay(delta("two words"))
    own.relay(closing())
    with pytest.raises(EngineGarbled):
        own.relay(delta(" and more"))


def test_an_answer_that_breaks_off_has_the_digest_of_what_came() -> None:
    """It is the digest of the text that was sent, without the last delta, which waits if a
    disclaimer follows; without text there is none."""
    own = relay()
    assert own.digests() == []
    own.relay(delta("a"))
    assert own.digests() == [keyed_digest(b"k", "a")]
    own = relay(OutputPolicy(around=Surroundings("Note. ", " Note.")))
    assert "Note. a" in said(own.relay(delta("a")) + own.relay(delta("b")))
    assert own.digests() == [keyed_digest(b"k", "a")]
