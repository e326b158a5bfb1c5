"""Server-sent events: the same events out of any split, every line end, no surprise in text."""

import json
import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import EngineGarbled
from gateway.http import sse
from gateway.http.sse import EventBuffer, payload

CONTENT = st.text(st.characters(codec="utf-8"), max_size=12)
LINE_END = st.sampled_from(["\n", "\r\n", "\r"])


def events_of(*parts: bytes) -> list[bytes]:
    buffer = EventBuffer()
    return [event for part in parts for event in buffer.feed(part)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in parts, cut at the places that fall into it."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def by_the_book(data: bytes) -> list[bytes]:
    """Contents as the specification's own algorithm reads them, line by line of the whole."""
    contents, lines = [], []
    for line in re.split(rb"\r\n|\n|\r", data)[:-1]:
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            contents.append(b"\n".join(lines))
            lines = []
    return contents


def written(contents: list[str], ends: list[str]) -> bytes:
    """Events holding JSON strings, each line with the next of the line ends."""
    lines = [
        line for content in contents for line in (f"data: {json.dumps(content)}", ": ping", "")
    ]
    ended = [line + ends[number % len(ends)] for number, line in enumerate(lines)]
    return "".join(ended).encode()


@given(
    contents=st.lists(CONTENT, max_size=4),
    ends=st.lists(LINE_END, min_size=1, max_size=5),
    places=st.lists(st.integers(0, 500), max_size=8),
)
@example(contents=["a", "b"], ends=["\n", "\n", "\r\n"], places=[])
def test_any_line_ends_in_any_split(
    contents: list[str], ends: list[str], places: list[int]
) -> None:
    """LF, CR LF, CR and mixes: no byte is lost, and what comes out is what the book says."""
    data = written(contents, ends) + b"data: 0\n\n"
    events = events_of(*cut(data, places))
    assert b"".join(events) == data
    assert [content for event in events if (content := payload(event))] == by_the_book(data)


@pytest.mark.parametrize(
    ("event", "content"),
    [
        (b"data:x\n\n", b"x"),
        (b"data:  x\n\n", b" x"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"event: y\ndata: x\nid: 1\n\n", b"x"),
        (b": ping\n\n", b""),
        (b"database: x\n\n", b""),
    ],
)
def test_the_content_of_an_event(event: bytes, content: bytes) -> None:
    """Its data lines, joined, one space less; nothing else."""
    assert payload(event) == content


def test_a_giant_is_refused() -> None:
    """An event without end does not take the memory."""
    part = b"x" * 256 * 1024
    with pytest.raises(EngineGarbled):
        events_of(*[part] * 40)


def test_a_byte_order_mark_hides_no_event() -> None:
    """Readers skip one before the first event, which is no comment then."""
    with pytest.raises(EngineGarbled):
        sse.payload(b"\xef\xbb\xbfdata: 1\n\n")


def test_an_event_of_too_many_lines_is_garbled() -> None:
    """Joining them would keep the interpreter for as long as parsing a megabyte."""
    assert sse.payload(b"data: 1\n" * 9 + b"\n").count(b"1") == 9
    with pytest.raises(EngineGarbled):
        sse.payload(b"data: 1\n" * sse.MOST_LINES + b"\n")


@pytest.mark.parametrize("quiet", [b"\n\n", b":\n\n", b"data: \n\n", b"id: 1\r\n\r\n"])
def test_hundreds_of_empty_events_in_one_read_are_refused(quiet: bytes) -> None:
    """They would keep the event loop busy for longer than any text of this size; keep-alives are
    fine for years."""
    buffer = EventBuffer()
    assert all(buffer.feed(quiet) for _ in range(9 * sse.MOST_SMALL_EVENTS))
    assert buffer.feed(quiet * sse.MOST_SMALL_EVENTS)
    with pytest.raises(EngineGarbled):
        buffer.feed(quiet * 4 * sse.MOST_SMALL_EVENTS)
