"""The words of a text, each once: what is not among them needs no pattern to look for it."""

import string
from collections.abc import Iterator
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
