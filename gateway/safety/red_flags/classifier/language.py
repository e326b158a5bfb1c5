"""Language of a text, by words that are hardly found in another: `languages.txt.gz`, made by
`python -m scripts.red_flags.train`, has a line for each language, its name before its words."""

import gzip
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from gateway.safety.red_flags.classifier.features import NEGATED, tokens_of

LANGUAGES = ("en", "de", "es", "fr")
WORDS = Path(__file__).with_name("languages.txt.gz")


def language_of(text: str) -> str:
    """Return the language that most words of a text are of; English where none has more."""
    words = {word.removeprefix(NEGATED) for word in tokens_of(text)}
    found = Counter(filter(None, map(known_words().get, words)))
    return max(LANGUAGES, key=found.__getitem__)


@cache
def known_words() -> Mapping[str, str]:
    """Return the language of each telling word."""
    known: dict[str, str] = {}
    for line in gzip.decompress(WORDS.read_bytes()).decode().splitlines():
        language, *words = line.split(" ")
        known |= dict.fromkeys(words, language)
    return known
