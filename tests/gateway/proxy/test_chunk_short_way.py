"""HTTP chunks that pass unchanged: the outcome is the same as with parsing, wherever they are
cut."""

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.peer import chunk
from tests.gateway.proxy.relayed import Relayed, event, relayed

TEXTS = ("a", " word", "é", "a\nline", 'a "quote"', "<|end|>", "<", "", "x" * 300, "\u2028", "😀")
DONE = b"data: [DONE]\n\n"


END = chunk(event("", finish_reason="stop")) + chunk(DONE) + b"0\r\n\r\n"
STREAM = [*(chunk(event(text)) for text in ("One", " two", "\nthree", " four", " five")), END]


def run(reads: list[bytes], pauses: frozenset[int] = frozenset()) -> tuple[Relayed, Relayed]:
    """Return the outcome of the reads on the fast path and with parsing."""

    async def both() -> tuple[Relayed, Relayed]:
        short = await relayed(reads, short=True, pauses=pauses)
        return short, await relayed(reads, short=False, pauses=pauses)

    return asyncio.run(both())


def test_the_short_way_is_taken() -> None:
    """All chunks after the first two take it: the first is labelled, the second is the template."""
    short, long = run(STREAM)

    assert (short.passed, long.passed) == (3, 0)
    assert short.written == long.written
    assert short.seen() == long.seen()
    assert not short.failure


@st.composite
def reads_of_a_stream(draw: st.DrawFn) -> list[bytes]:
    """Events with any text and framing, cut at the ends of chunks or anywhere."""
    frames = [
        chunk,
        lambda data: b"%X\r\n%b\r\n" % (len(data), data),
        lambda data: b"00%x\r\n%b\r\n" % (len(data), data),
        lambda data: chunk(data[:11]) + chunk(data[11:]),
        lambda data: chunk(data + b": ping\n\n"),
    ]
    kinds: Any = st.tuples(
        st.sampled_from(TEXTS) | st.text(max_size=5), st.sampled_from([chunk] * 6 + frames)
    )
    drawn = draw(st.lists(kinds, max_size=9))
    texts = [text.encode(errors="replace").decode() for text, _ in drawn]
    parts = [*(frame(event(text)) for text, (_, frame) in zip(texts, drawn, strict=True)), END]
    whole = b"".join(parts)
    ends = [sum(map(len, parts[:number])) for number in range(len(parts) + 1)]
    kept = draw(st.sets(st.sampled_from(ends)) | st.just(set(ends)))
    cuts = draw(st.sets(st.integers(1, len(whole) - 1), max_size=3))
    return [whole[a:b] for a, b in pairwise(sorted({0, len(whole), *kept, *cuts})) if a < b]


@settings(max_examples=150)
@given(reads_of_a_stream(), st.frozensets(st.integers(0, 12), max_size=2))
def test_any_stream(reads: list[bytes], pauses: frozenset[int]) -> None:
    """Caller, label and record see no difference, and no chunk overtakes one that waits."""
    short, long = run(reads, pauses)

    assert short.seen() == long.seen()
    assert not short.failure
    assert not short.overfilled
