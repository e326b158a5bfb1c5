"""The words of a text, each once: what is not among them needs no pattern to look for it."""

import re
import string
from collections.abc import Collection, Iterator
from typing import Final

LETTERS: Final = frozenset(string.ascii_letters + string.digits + "_")  # as `\b` has them
PARTING: Final = bytes(at if chr(at) in LETTERS else ord(" ") for at in range(256))


def words_of(lowered: str) -> set[str]:
    """Return the words of a text in small letters."""
    return set(lowered.encode(errors="replace").translate(PARTING).decode("ascii").split())


def places(lowered: str, word: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of a word, wherever it stands on its own."""
    start = lowered.find(word)
    while start >= 0:
        end = start + len(word)
        if lowered[start - 1 : start] not in LETTERS and lowered[end : end + 1] not in LETTERS:
            yield start, end
        start = lowered.find(word, end)


def around(
    pattern: re.Pattern[str], lowered: str, keys: Collection[str], reach: int
) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern near any of the words without one of which it has none.

    `reach` is the length of the longest match. Over a whole text a pattern of many words is slow.
    """
    known = words_of(lowered).intersection(keys)
    spots = sorted(start for key in known for start, _ in places(lowered, key))
    begin, end = 0, -1
    for spot in spots:
        if spot - reach > end:
            yield from pattern.finditer(lowered, begin, max(end, begin))
            begin = max(0, spot - reach)
        end = whole_word(lowered, spot + reach)
    yield from pattern.finditer(lowered, begin, max(end, begin))


def whole_word(lowered: str, at: int) -> int:
    """Return the end of the word at a place, so that none is read in half."""
    while at < len(lowered) and lowered[at] in LETTERS:
        at += 1
    return at
