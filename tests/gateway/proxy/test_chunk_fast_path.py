"""Chunks like the previous one pass without parsing, but only if that is certain."""

import orjson
import pytest

from gateway.proxy.chunks import ChunkFastPath
from tests.gateway.proxy.relayed import event


def learned(one: bytes, text: str) -> ChunkFastPath | None:
    return ChunkFastPath.of(one, orjson.loads(one[6:]), text)


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
