"""Changes that are taken out of the gateway's bytes, and changes that are not forgiven."""

import orjson
import pytest

from tests.compatibility.comparison import (
    by_choice,
    labelled_places,
    said_again,
    says_no_more,
    text_of,
    unlabelled,
    unlabelled_chunk,
    unlabelled_event,
    without_text,
)

LABEL = {"disclaimer": {"text": "Ärzte, \u2028 first."}, "warnings": []}
MMHIE = b'"mmhie":' + orjson.dumps(LABEL)
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
EVENT = b'event: response.created\ndata: {"response":{%s"id":"r"},"type":"response.created"}\n\n'


def test_a_label_is_taken_out_where_it_belongs() -> None:
    """At the end of a document or chunk, at the beginning of a response; the rest keeps its bytes.
    Elsewhere it would have moved what stands after it."""
    assert unlabelled(b'{"a": 1.0,' + MMHIE + b"}") == (b'{"a": 1.0}', LABEL)
    assert unlabelled_chunk(CHUNK[:-3] + b"," + MMHIE + b"}\n\n") == (CHUNK, LABEL)
    assert unlabelled_chunk(DONE) == (DONE, None)
    assert unlabelled_event(EVENT % (MMHIE + b",")) == (EVENT % b"", LABEL)
    with pytest.raises(AssertionError):
        unlabelled(b"{" + MMHIE + b',"a": 1.0}')


def test_the_order_that_counts() -> None:
    """Labels are on the first event and every finishing one; within a choice the order counts."""
    other = CHUNK.replace(b'"index":0', b'"index":1')

    assert labelled_places([CHUNK, CHUNK, LAST, DONE]) == [0, 2]
    assert by_choice([other, CHUNK, LAST, DONE]) == [CHUNK, LAST, other, DONE]
    assert by_choice([LAST, CHUNK]) != by_choice([CHUNK, LAST])


@pytest.mark.parametrize(
    ("told", "said", "fits"),
    [
        ("not a regex: [...]", "not a regex: (chest pain", True),
        ("two one", "one two", False),
        ("one more", "one", False),
    ],
)
def test_a_message_may_only_be_shorter(told: str, said: str, fits: bool) -> None:
    """Its words are the engine's, in the engine's order."""
    assert says_no_more(told, said) is fits


def test_the_text_is_told_apart_from_the_rest() -> None:
    """Whichever event it came with: deltas, done events, items and the object of a response."""
    first, second = CHUNK.replace(b'"a"', b'"a <"'), CHUNK.replace(b'"a"', b'" b"')
    moved = [CHUNK[:-3] + b"," + MMHIE + b"}\n\n", CHUNK.replace(b'"a"', b'" < b"'), DONE]
    assert text_of([first, second, DONE]) == text_of(moved) == "a < b"
    assert without_text([first, second, DONE]) == without_text(moved)
    assert without_text([first]) != without_text([LAST])

    part = {"type": "output_text", "text": "ab"}
    item = {"type": "message", "id": "m", "content": [part]}
    events = [
        {"type": "response.output_text.delta", "delta": "ab"},
        {"type": "response.output_text.done", "text": "ab"},
        {"type": "response.content_part.done", "part": part},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": {"output": [item], "mmhie": LABEL}},
    ]
    sent = [b"event: x\ndata: " + orjson.dumps(event) + b"\n\n" for event in events]
    other = [event.replace(b'"ab"', b'"c"') for event in sent]
    assert (text_of(sent), said_again(sent), said_again(other)) == ("ab", {"ab"}, {"c"})
    assert without_text(sent) == without_text(other)
    assert without_text(sent) != without_text(sent[1:])
