"""Three linear scores of a text, from a table of weights: emergency, record, study.

`weights.json.gz` is made by `python -m scripts.red_flags.train`; card.json says from which texts
and with which results. It has the three weights of each word, pair of words and piece of a word, in
the lanes of one integer; what a word is worth includes the worth of its pieces, so that only
unknown words are taken apart.

Speed comes from what is worked out when the table is read: a known word costs a look-up, in loops
of the interpreter's own. Nothing of a text is kept.
"""

import gzip
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from gateway.safety.red_flags.classifier.features import (
    NEGATED,
    SHAPE,
    Vocabulary,
    pairs_of,
    pieces_of,
    shapes_of,
    tokens_of_each,
)

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "weights.json.gz"
CARD = FOLDER / "card.json"

FEWEST = 6  # words that a text counts as, at least
# Three sums in one addition: each has its lane of an integer, wide enough for any passage; together
# they fit a machine word, which the interpreter adds four times as fast as a longer integer.
LANE = 21
LANES = ("emergency", "record", "study")
HALF, MASK = 1 << LANE - 1, (1 << LANE) - 1


class Weight(NamedTuple):
    """Worth of a text's words, in lanes, and their number."""

    worth: int
    words: int


class Kind(NamedTuple):
    """Scores of a record, and of a study (an exam item, research); above 0 it is one."""

    record: float
    study: float


Words = dict[str, int]
Pairs = dict[tuple[str, str], int]


class Worths(dict[str, int]):
    """Worth of every known word; an unknown one's is that of its pieces, and is not kept."""

    def __init__(self, words: Words, pieces: Words) -> None:
        super().__init__(words)
        self._pieces = pieces

    def __missing__(self, word: str) -> int:
        if word.startswith(NEGATED) or not word[0].isalpha():
            return 0  # numbers and negated words have none
        return sum(filter(None, map(self._pieces.get, pieces_of(word))))


class Model:
    """A table of weights, and what turns their sums into scores."""

    def __init__(self, words: Words, pairs: Pairs, pieces: Words, card: Mapping[str, Any]) -> None:
        self._worths, self._pairs = Worths(words, pieces), pairs
        known = [word for word in words if word[0] not in (NEGATED, SHAPE)]
        self._vocabulary = Vocabulary([*known, *map(str, range(1_000))])
        self.thresholds = {one["language"]: one["threshold"] for one in card["chosen"]}
        fitted = card["model"]
        self._unit: float = fitted["unit"]
        self._bias: tuple[float, ...] = tuple(fitted[f"bias_{name}"] for name in LANES)
        self._slope, self._offset = fitted["slope"], fitted["offset"]

    def weigh(self, texts: Sequence[str]) -> list[Weight]:
        """Return what the words of each text are worth together."""
        return [self._weight(tokens) for tokens in tokens_of_each(texts, self._vocabulary)]

    def _weight(self, tokens: list[str]) -> Weight:
        # Each once, in training, too: a word says no more when it comes again and again.
        words = sum(map(self._worths.__getitem__, set(tokens)))
        pairs = self._pairs.keys() & pairs_of(tokens)
        return Weight(words + sum(map(self._pairs.__getitem__, pairs)), len(tokens))

    def chance(self, weight: Weight) -> float:
        """Return how likely a short text reports an emergency, between 0 and 1."""
        score = self._score(0, lane(weight.worth), weight.words)
        logit = self._slope * score + self._offset
        return (1 + math.tanh(logit / 2)) / 2  # the logistic function, which nothing overflows

    def kind(self, text: str, passages: Sequence[Weight]) -> Kind:
        """Return what speaks for a text being a document, by its passages and its shape."""
        shapes = sum(self._worths.get(name, 0) for name in shapes_of(text))
        worths = [lanes(shapes), *(lanes(passage.worth) for passage in passages)]
        _, record, study = map(sum, zip(*worths, strict=True))
        size = sum(passage.words for passage in passages)
        return Kind(self._score(1, record, size), self._score(2, study, size))

    def _score(self, at: int, worth: int, size: int) -> float:
        return worth * (self._unit / math.sqrt(max(size, FEWEST))) + self._bias[at]


def lane(packed: int) -> int:
    """Return the first lane of an integer."""
    return ((packed + HALF) & MASK) - HALF


def lanes(packed: int) -> tuple[int, int, int]:
    """Return the three lanes of an integer."""
    first = lane(packed)
    rest = (packed - first) >> LANE
    second = lane(rest)
    return first, second, (rest - second) >> LANE


def packed(weights: tuple[int, int, int]) -> int:
    """Return weights as the lanes of one integer."""
    first, second, third = weights
    return first + (second << LANE) + (third << 2 * LANE)


@cache
def model() -> Model:
    """Return the classifier as it is shipped; read once (40 ms)."""
    tables = orjson.loads(gzip.decompress(WEIGHTS.read_bytes()))
    words, pairs = tables["words"], tables["pairs"]
    return Model(
        dict(zip(interned(words), words.values(), strict=True)),
        dict(zip(parted(pairs), pairs.values(), strict=True)),
        tables["pieces"],
        orjson.loads(CARD.read_bytes()),
    )


def interned(words: Iterable[str]) -> list[str]:
    """Return words of which the same one is the same object everywhere: a table finds it without
    comparing its letters."""
    return list(map(sys.intern, words))


def parted(pairs: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Return pairs of words that have a blank between them, both interned."""
    words = interned(" ".join(pairs).split(" "))
    return zip(words[::2], words[1::2], strict=True)
