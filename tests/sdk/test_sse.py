"""Server-sent events survive any cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmhie._sse import Decoder

FRAMES = (
    'data: {"delta":"a\u2028b\u0085c é 🩺"}\r\n\r\n: note\ndata: two\rdata:lines\r\rdata\n\n'
    "data: two\r\ndata: more\r\n\r\n"
)
EXPECTED = ['{"delta":"a\u2028b\u0085c é 🩺"}', "two\nlines", "", "two\nmore"]


def decoded(*chunks: bytes) -> list[str]:
    decoder = Decoder()
    return [data.decode() for chunk in chunks for data in decoder.feed(chunk)]


@pytest.mark.parametrize("cut", range(len(FRAMES.encode()) + 1))
def test_events_survive_a_cut_at_every_byte(cut: int) -> None:
    """Where TCP cuts makes no difference, inside a character and between CR and LF included."""
    raw = FRAMES.encode()

    assert decoded(raw[:cut], raw[cut:]) == EXPECTED


def test_events_survive_single_bytes() -> None:
    """One byte at a time gives the same events."""
    assert decoded(*(bytes([byte]) for byte in FRAMES.encode())) == EXPECTED


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), max_size=4))
def test_text_without_line_ends_is_never_cut(texts: list[str]) -> None:
    """No character but CR and LF ends a line."""
    raw = "".join(f"data: {text}\n\n" for text in texts).encode()

    assert texts == decoded(raw)


def test_an_event_without_its_blank_line_is_dropped() -> None:
    """What is cut before its end was never said."""
    assert decoded(b"data: whole\n\ndata: ha") == ["whole"]
    assert decoded(b"data: whole\n\ndata: half\n") == ["whole"]


@pytest.mark.parametrize("line", [b": comment", b"event: x", b"id: 1", b"retry: 5", b"datas: x"])
def test_other_lines_say_nothing(line: bytes) -> None:
    """Comments and unused fields make no event."""
    assert decoded(line + b"\n\n") == []
