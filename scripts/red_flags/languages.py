"""The words that tell a language from the others, counted in the training texts."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator, Sequence

from gateway.safety.red_flags.classifier.features import NEGATED, tokens_of
from gateway.safety.red_flags.classifier.language import LANGUAGES, WORDS
from scripts.red_flags.sources import Example

TEXTS = 4  # that a word is in, at least
SHARE = 0.8  # of a word, after each language was given the same number of words


def write_words(examples: Sequence[Example]) -> None:
    """Write the telling words of each language, in alphabetical order."""
    lines = [" ".join((name, *words)) for name, words in telling(examples)]
    WORDS.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def telling(examples: Sequence[Example]) -> Iterator[tuple[str, list[str]]]:
    """Return for each language the words that are hardly found in another."""
    counts = {name: Counter[str]() for name in LANGUAGES}
    for each in examples:
        if each.language in counts:
            counts[each.language].update(words_of(each.text))
    rates = {
        name: {word: found / words.total() for word, found in words.items()}
        for name, words in counts.items()
    }
    for name, words in counts.items():
        yield (
            name,
            sorted(
                word
                for word, found in words.items()
                if found >= TEXTS
                and rates[name][word] >= SHARE * sum(one.get(word, 0.0) for one in rates.values())
            ),
        )


def words_of(text: str) -> set[str]:
    """Return the words of a text that are of letters alone, negated or not."""
    return {word for token in tokens_of(text) if (word := token.removeprefix(NEGATED)).isalpha()}
