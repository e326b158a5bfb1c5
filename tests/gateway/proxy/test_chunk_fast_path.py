"""Chunks like the previous one pass without parsing, but only if that is certain."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.chunks import ChunkFastPath, ChunkRelay
from gateway.safety import labels
from tests.gateway.proxy.relayed import FIRST, KEY, event


def learned(one: bytes, text: str) -> ChunkFastPath | None:
    return ChunkFastPath.of(one, orjson.loads(one[6:]), text)


def told_by(*events: bytes) -> tuple[list[bytes], str]:
    """Return the bytes that a relay passes on, and their digest."""
    relay = ChunkRelay(FIRST, key=KEY, took_usage=False)
    end = event("", finish_reason="stop")
    passed = [relay.relay(event) for event in (*events, end)]
    return passed[:-1], relay.finals[0]["provenance"]["output_digest"]


def test_another_text_between_the_same_bytes() -> None:
    """The text is read directly; any other event goes to the parser."""
    repeat = learned(event("one"), "one")

    assert repeat is not None
    assert repeat.text(event("zwölf")) == "zwölf".encode()
    assert repeat.text(event('a "quote"\nand a line')) == b'a "quote"\nand a line'
    assert repeat.text(event("two").replace(b"two", b"\\ud83d\\ude00")) == "\U0001f600".encode()
    for other in (
        event(""),
        event("<|end|>"),
        event("two", finish_reason="stop"),
        event("two", index=1),
        event("two")[:-1],
        b"data: [DONE]\n\n",
        event("two").replace(b"two", b"\xff"),
        event("two").replace(b"two", b"a\x01b"),
        event("two").replace(b"two", b"\\ud83d"),
        event("two").replace(b"two", b"\\u003c|end|>"),
        event("two").replace(b"two", b'a","b":"c'),
    ):
        assert repeat.text(other) == b""


TWICE = event("x", note={"content": "x"}).replace(b'"delta":', b'"z":{"content":"x"},"delta":')


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (event("x").replace(b'"content":"x"', b'"content": "x"'), "x"),
        (TWICE, "x"),
        (event("a<b"), "a<b"),
        (event('a"b'), 'a"b'),
    ],
)
def test_what_is_not_certain_is_not_learned(one: bytes, text: str) -> None:
    """Other spacing, the same words elsewhere, escaped text, or a possible marker."""
    assert learned(one, text) is None


@given(st.lists(st.text(max_size=6), min_size=1, max_size=12))
def test_the_caller_and_the_digest_see_no_difference(texts: list[str]) -> None:
    """Text that was not parsed counts like parsed text."""
    texts = [text.encode(errors="replace").decode() for text in texts]
    plain = [text for text in texts if "<" not in text]
    passed, digest = told_by(*map(event, plain))
    mac = labels.new_digest(KEY)
    mac.update("".join(plain).encode())

    assert passed[1:] == [event(text) for text in plain[1:]]
    assert digest == labels.format_digest(mac)
