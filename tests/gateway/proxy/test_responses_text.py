"""Streams of /v1/responses: no marker gets out, and every event says the same text."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import paths
from gateway.http import sse
from gateway.proxy import json_response
from gateway.proxy.light_answer import LightAnswer
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.proxy.response_events import ResponseEventRelay
from gateway.proxy.text_stream import MOST_WAITING
from gateway.safety import harmony
from tests.gateway.proxy.relayed import named as event
from tests.gateway.safety.test_harmony import TEXTS

FIRST = {"disclaimer": {"text": "Not advice."}, "provenance": {"request_id": "id-1"}}
SURROUNDS = (
    PLAIN,
    OutputPolicy(opening="Mind: "),
    OutputPolicy(closing=" Ask."),
    OutputPolicy(opening="Mind: ", closing=" Ask."),
)
LEAK = "It is benign.<|channel|>analysis<|message|>Or is it?"
NUMBER = {"sequence_number": 1, "output_index": 0}
PLACE = {**NUMBER, "content_index": 0, "item_id": "m1"}


def part(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], **more}


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "id": "m1", "content": [part(text, **more)]}


def stream(*deltas: str, spelt: Any = None) -> list[bytes]:
    """As vLLM sends an answer that comes in these deltas, each with its log-probabilities, or all
    with those of the reasoning (`spelt`)."""
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
    """The events a caller gets for these."""
    own = ResponseEventRelay(FIRST, key=b"k", policy=shape)
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
    """A text in deltas."""
    at = sorted({min(each, len(text)) for each in cuts} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(at)]


@given(TEXTS, st.lists(st.integers(0, 120), max_size=10), st.sampled_from(SURROUNDS))
def test_any_answer_cut_anywhere_says_one_thing_without_markers(
    text: str, cuts: list[int], shape: OutputPolicy
) -> None:
    """Deltas, done events, the closing event and the whole answer agree; no event more or less."""
    events = stream(*cut(text, cuts))
    out = relayed(events, shape)
    clean, is_marked = harmony.clean(text)
    shown = shape.surround(clean) if text else ""  # of nothing there is no delta to surround

    assert texts(out) == {shown}
    assert [event["type"] for event in out] == [
        json.loads(sse.payload(raw))["type"] for raw in events
    ]
    assert ("harmony_markers_stripped" in out[-1]["response"]["mmhie"]["warnings"]) == is_marked
    body = json.dumps({"output": [message(text)], "status": "completed"}).encode()
    label, _, _, _ = json_response.label(
        LightAnswer.of(body), FIRST, key=b"k", path=paths.RESPONSES, policy=shape
    )
    assert json.loads(label)["output"][0]["content"][0]["text"] == shown


@given(TEXTS.filter(lambda text: not harmony.clean(text)[1]), st.lists(st.integers(0, 120)))
def test_a_clean_stream_keeps_every_byte(text: str, cuts: list[int]) -> None:
    """Angle brackets too: what had to wait leaves as it came."""
    events = stream(*cut(text, cuts))
    own = ResponseEventRelay(FIRST, key=b"k")
    sent = [own.relay(each) for each in events]

    assert b"".join(sent[1:-1]) == b"".join(events[1:-1])


def test_a_leak_is_stripped_wherever_it_is_cut() -> None:
    """The leaked thought is in no event, as text or token by token."""
    for cut_at in range(len(LEAK) + 1):
        out = relayed(stream(LEAK[:cut_at], LEAK[cut_at:]))

        assert texts(out) == {"It is benign."}
        assert not re.search(r"<\||Or is it", json.dumps(out))


def test_a_delta_waits_only_while_it_may_begin_a_marker() -> None:
    """And the fast path is the very same object."""
    own = ResponseEventRelay(FIRST, key=b"k")
    plain, open_, more, rest = stream("a", "b <", "|", "x")[3:7]

    assert own.relay(plain) is plain
    assert own.relay(open_) == own.relay(more) == b""
    assert own.relay(rest) == open_ + more + rest
    assert own.relay(plain) is plain


def test_deltas_that_all_may_begin_a_marker_wait_in_small_numbers() -> None:
    """None is kept for the end, and none of their text is lost."""
    events = stream(*["<|chan"] * MOST_WAITING, "ter")
    own = ResponseEventRelay(FIRST, key=b"k")
    early = [own.relay(each) for each in events[: 3 + MOST_WAITING]]

    assert "".join(said(b"".join(early[3:]))) == "<|chan" * (MOST_WAITING - 2)
    assert texts(relayed(events)) == {"<|chan" * MOST_WAITING + "ter"}


def test_markers_may_be_escaped() -> None:
    """JSON has two ways to write `<`; what is no marker keeps its own."""
    events = [each.replace(b"<", b"\\u003c") for each in stream("Yes.", "<|end|>")]
    assert texts(relayed(events)) == {"Yes."}
    clean = [each.replace(b"<", b"\\u003C") for each in stream("a <", "b")]
    own = ResponseEventRelay(FIRST, key=b"k")
    assert b"".join(map(own.relay, clean[:5]))[-len(b"".join(clean[3:5])) :] == b"".join(clean[3:5])


def said(sent: bytes) -> list[str]:
    """The deltas among these events."""
    bodies = [json.loads(sse.payload(each)) for each in sse.EventBuffer().feed(sent)]
    return [body["delta"] for body in bodies]


def test_two_texts_are_two_answers() -> None:
    """A new place begins anew, even where the end of the one before was not said."""
    first, second = stream("One <", "Two.")[3:5]
    own = ResponseEventRelay(FIRST, key=b"k", policy=OutputPolicy(closing=" Ask."))
    sent = own.relay(first) + own.relay(second.replace(b'output_index":0', b'output_index":1'))

    assert said(sent) == ["One < Ask."]
    assert said(own.relay(stream("")[-1]).split(b"event: response.completed")[0]) == ["Two. Ask."]


def test_a_comment_does_not_end_a_text() -> None:
    """It passes at once, whatever waits."""
    own = ResponseEventRelay(FIRST, key=b"k")
    held, rest, last = stream("a <|e", "nd|>", " b")[3:6]

    assert own.relay(held) == b""
    assert own.relay(b": ping\n\n") == b": ping\n\n"
    assert said(own.relay(rest) + own.relay(last)) == ["a ", "", " b"]


SPELT = [{"token": "Because", "logprob": -0.1}]
HIDING = [OutputPolicy(policy="hide", closing=closing) for closing in ("", " Ask.")]


@pytest.mark.parametrize("shape", HIDING)
@pytest.mark.parametrize("is_data_only", [False, True])
def test_hidden_reasoning_is_not_spelt_out_token_by_token(
    shape: OutputPolicy, is_data_only: bool
) -> None:
    """vLLM's log-probabilities are of all tokens, the reasoning's among them: none is sent."""
    events = stream("It is ", "be<ni>gn.", spelt=SPELT)
    if is_data_only:
        events = [b"data: " + sse.payload(each) + b"\n\n" for each in events]

    assert texts(relayed(events, shape)) == {"It is be<ni>gn." + shape.closing}
    assert "Because" not in str(relayed(events, shape))
    assert "Because" in str(relayed(events))


@pytest.mark.parametrize("shape", HIDING)
def test_a_whole_response_is_not_spelt_out_either(shape: OutputPolicy) -> None:
    """The text stays, the same as in a stream."""
    answer = {"output": [message("It is benign.", logprobs=SPELT)], "status": "completed"}
    sent = LightAnswer.of(json.dumps(answer).encode())
    body = json_response.label(sent, FIRST, key=b"k", path=paths.RESPONSES, policy=shape).body

    assert b"Because" not in body
    assert b"It is benign." in body


def test_a_delta_that_speaks_of_log_probabilities_keeps_its_bytes() -> None:
    """The name in a text is no field, and an empty list is what vLLM sends where none was asked."""
    own = ResponseEventRelay(FIRST, key=b"k", policy=OutputPolicy(policy="hide"))
    for delta in ('"logprobs":[1]', '"logprobs":[]', "a"):
        plain = event("response.output_text.delta", delta=delta, logprobs=[], **PLACE)
        assert own.relay(plain) == plain
