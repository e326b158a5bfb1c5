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
MMHIE = '"mmhie":{"disclaimer":{"text":"Ärzte, \u2028 first."},"warnings":[]}'.encode()
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def test_an_appended_label_is_taken_out() -> None:
    """The rest keeps its bytes, spaces included."""
    assert unlabelled(b'{"a": 1.0,' + MMHIE + b"}") == (b'{"a": 1.0}', LABEL)
    assert unlabelled(b'{"a": 1.0}') == (b'{"a": 1.0}', None)


def test_a_label_elsewhere_is_not() -> None:
    """It would have moved what stands after it."""
    with pytest.raises(AssertionError):
        unlabelled(b"{" + MMHIE + b',"a": 1.0}')


def test_a_chunk() -> None:
    """Its frame stays; the terminator has no label."""
    assert unlabelled_chunk(CHUNK[:-3] + b"," + MMHIE + b"}\n\n") == (CHUNK, LABEL)
    assert unlabelled_chunk(DONE) == (DONE, None)


def test_an_event_of_responses() -> None:
    """The label of an event stands first inside `response`."""
    event = (
        b'event: response.created\ndata: {"response":{%s"id":"r"},"type":"response.created"}\n\n'
    )

    assert unlabelled_event(event % (MMHIE + b",")) == (event % b"", LABEL)
    assert unlabelled_event(event % b"") == (event % b"", None)


def test_where_labels_belong() -> None:
    """The first event and every finishing one."""
    assert labelled_places([CHUNK, CHUNK, LAST, DONE]) == [0, 2]
    assert labelled_places([CHUNK, LAST, LAST, DONE]) == [0, 1, 2]
    closing = b'event: x\ndata: {"type":"response.incomplete"}\n\n'
    assert labelled_places([DONE, CHUNK, closing]) == [0, 2]


def test_choices_are_told_apart() -> None:
    """Within one, the order counts."""
    other = CHUNK.replace(b'"index":0', b'"index":1')

    assert by_choice([other, CHUNK, LAST, DONE]) == [CHUNK, LAST, other, DONE]
    assert by_choice([LAST, CHUNK]) != by_choice([CHUNK, LAST])


@pytest.mark.parametrize(
    ("told", "said", "fits"),
    [
        ("not a regex: [...]", "not a regex: (chest pain", True),
        ("one, three", "one, two, three", True),
        ("two one", "one two", False),
        ("one more", "one", False),
    ],
)
def test_a_message_may_only_be_shorter(told: str, said: str, fits: bool) -> None:
    """Its words are the engine's, in the engine's order."""
    assert says_no_more(told, said) is fits


def test_text_is_told_apart_from_the_rest() -> None:
    """All of it, whichever event it came with; labels do not count."""
    first = CHUNK.replace(b'"a"', b'"a <"')
    second = CHUNK.replace(b'"a"', b'" b"')
    other = [CHUNK[:-3] + b"," + MMHIE + b"}\n\n", CHUNK.replace(b'"a"', b'" < b"'), DONE]

    assert text_of([first, second, DONE]) == text_of(other) == "a < b"
    assert without_text([first, second, DONE]) == without_text(other)
    assert without_text([first]) != without_text([LAST])


def test_the_text_of_a_response_is_in_many_places() -> None:
    """Deltas, done events, items and the object; all of it is text, all else is not."""
    part = {"type": "output_text", "text": "ab"}
    item = {"type": "message", "id": "m", "content": [part]}
    events = [
        {"type": "response.content_part.added", "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", "delta": "a"},
        {"type": "response.output_text.delta", "delta": "b"},
        {"type": "response.output_text.done", "text": "ab"},
        {"type": "response.content_part.done", "part": part},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": {"output": [item], "mmhie": LABEL}},
    ]
    sent = [b"event: x\ndata: " + orjson.dumps(event) + b"\n\n" for event in events]
    whole = [orjson.dumps({"output": [item]})]
    other = [event.replace(b'"ab"', b'"c"') for event in sent]

    assert text_of(sent) == text_of(whole) == "ab"
    assert said_again(sent) == said_again(whole) == {"ab"}
    assert said_again(other) == {"c"}
    assert without_text(sent) == without_text(other)
    assert without_text(sent) != without_text(sent[1:])
