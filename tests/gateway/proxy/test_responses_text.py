"""Streams of /v1/responses: no marker is sent, and every event has the same text."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import paths
from gateway.http import sse
from gateway.proxy import json_response
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.proxy.response_events import ResponseEventRelay
from gateway.safety.placement import Surroundings
from tests.gateway.proxy.relayed import named as event
from tests.gateway.safety.test_harmony import TEXTS, fed

FIRST = {"disclaimer": {"text": "Not advice."}, "provenance": {"request_id": "id-1"}}
SURROUNDS = (
    PLAIN,
    OutputPolicy(around=Surroundings("Mind: ")),
    OutputPolicy(around=Surroundings("", " Ask.")),
    OutputPolicy(around=Surroundings("Mind: ", " Ask.")),
)
NUMBER = {"sequence_number": 1, "output_index": 0}
PLACE = {**NUMBER, "content_index": 0, "item_id": "m1"}


def part(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], **more}


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "id": "m1", "content": [part(text, **more)]}


def stream(*deltas: str, spelt: Any = None) -> list[bytes]:
    """Return vLLM's events for an answer in these deltas. Each has its log-probabilities, or all
    have those of the reasoning (`spelt`)."""
    text = "".join(deltas)
    whole = message(text, **({"logprobs": spelt} if spelt else {}))
    closing = {"id": "r1", "status": "completed", "output": [whole]}
    tokens = [(delta, spelt or [{"token": delta}]) for delta in deltas]
    done = part(text, logprobs=spelt or [{"token": text}])
    return [
        event("response.created", response={"id": "r1", "output": []}),
        event("response.output_item.added", item={**message(""), "content": []}, **NUMBER),
        event("response.content_part.added", part=part(""), **PLACE),
        *(event("response.output_text.delta", delta=d, logprobs=p, **PLACE) for d, p in tokens),
        event("response.output_text.done", text=text, logprobs=spelt or [], **PLACE),
        event("response.content_part.done", part=done, **PLACE),
        event("response.output_item.done", item=whole, **NUMBER),
        event("response.completed", response=closing),
    ]


def relayed(events: list[bytes], shape: OutputPolicy = PLAIN) -> list[dict[str, Any]]:
    """Return the events that a caller gets."""
    own = ResponseEventRelay(FIRST, shape)
    sent = b"".join(own.relay(each) for each in events)
    assert own.ended
    return [json.loads(sse.payload(each)) for each in sse.EventBuffer().feed(sent)]


def texts(events: list[dict[str, Any]]) -> set[str]:
    """Return the answer's text by each kind of event."""
    by_kind = {event["type"]: event for event in events}
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    return {
        "".join(deltas),
        by_kind["response.output_text.done"]["text"],
        by_kind["response.content_part.done"]["part"]["text"],
        by_kind["response.output_item.done"]["item"]["content"][0]["text"],
        by_kind["response.completed"]["response"]["output"][0]["content"][0]["text"],
    }


def cut(text: str, cuts: list[int]) -> list[str]:
    """Split a text into deltas."""
    at = sorted({min(each, len(text)) for each in cuts} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(at)]


@given(TEXTS, st.lists(st.integers(0, 120), max_size=10), st.sampled_from(SURROUNDS))
def test_any_answer_cut_anywhere_says_one_thing_without_markers(
    text: str, cuts: list[int], shape: OutputPolicy
) -> None:
    """Deltas, done events, the closing event and the whole answer agree; the number of events
    stays."""
    events = stream(*cut(text, cuts))
    out = relayed(events, shape)
    clean, is_marked = fed([text])
    shown = shape.around.place(clean) if text else ""  # of nothing there is no delta to surround

    assert texts(out) == {shown}
    assert [event["type"] for event in out] == [
        json.loads(sse.payload(raw))["type"] for raw in events
    ]
    assert ("harmony_markers_stripped" in out[-1]["response"]["mmhie"]["warnings"]) == is_marked
    body = json.dumps({"output": [message(text)], "status": "completed"}).encode()
    label, _, _ = json_response.label(body, FIRST, path=paths.RESPONSES, policy=shape)
    assert json.loads(label)["output"][0]["content"][0]["text"] == shown


@given(TEXTS.filter(lambda text: "<" not in text), st.lists(st.integers(0, 120)))
def test_a_clean_stream_keeps_every_byte(text: str, cuts: list[int]) -> None:
    """Text behind an angle bracket may move to the next delta; all else stays."""
    events = stream(*cut(text, cuts))
    own = ResponseEventRelay(FIRST)
    sent = [own.relay(each) for each in events]

    assert b"".join(sent[1:-1]) == b"".join(events[1:-1])


def test_at_most_one_delta_waits() -> None:
    """Each may begin a marker; the next one takes the text over."""
    own = ResponseEventRelay(FIRST)
    events = stream(*["<|chan"] * 9, "ter")
    early = [own.relay(each) for each in events[:-4]]

    assert all(early[4:])
    assert "".join(said(b"".join(early[3:]))) == "<|chan" * 9 + "ter"
    assert texts(relayed(events)) == {"<|chan" * 9 + "ter"}


def test_markers_may_be_escaped() -> None:
    """JSON has two ways to write `<`; text without a marker keeps its own."""
    events = [each.replace(b"<", b"\\u003c") for each in stream("Yes.", "<|end|>")]
    assert texts(relayed(events)) == {"Yes."}


def said(sent: bytes) -> list[str]:
    """Return the deltas of these events."""
    bodies = [json.loads(sse.payload(each)) for each in sse.EventBuffer().feed(sent)]
    return [body["delta"] for body in bodies]


SPELT = [{"token": "Because", "logprob": -0.1}]
HIDING = [
    OutputPolicy(hides_reasoning=True, around=Surroundings("", closing))
    for closing in ("", " Ask.")
]


@pytest.mark.parametrize("shape", HIDING)
def test_hidden_reasoning_is_not_spelt_out_token_by_token(shape: OutputPolicy) -> None:
    """vLLM's log-probabilities include the reasoning: none is sent, in a stream or a whole
    response."""
    named = stream("It is ", "be<ni>gn.", spelt=SPELT)
    for events in (named, [b"data: " + sse.payload(each) + b"\n\n" for each in named]):
        assert texts(relayed(events, shape)) == {"It is be<ni>gn." + shape.around.closing}
        assert "Because" not in str(relayed(events, shape))
        assert "Because" in str(relayed(events))
    answer = {"output": [message("It is benign.", logprobs=SPELT)], "status": "completed"}
    sent = json.dumps(answer).encode()
    body = json_response.label(sent, FIRST, path=paths.RESPONSES, policy=shape).body

    assert b"Because" not in body
    assert b"It is benign." in body
