"""Three linear scores of a text, from a table of weights: emergency, record, study.

`weights.txt.gz` is made by `python -m scripts.red_flags.train`; card.json says from which texts and
with which results. A line is a feature and its three weights; what a word is worth includes the
worth of its pieces, so that only unknown words are taken apart.
"""

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gateway.safety.red_flags.classifier.features import (
    NEGATED,
    pairs_of,
    pieces_of,
    shapes_of,
    tokens_of,
)

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "weights.txt.gz"
CARD = FOLDER / "card.json"

FEWEST = 6  # words that a text counts as, at least
# Three sums in one addition: each has its lane of an integer, wide enough for any bounded text.
LANE = 32
HALF, MASK = 1 << LANE - 1, (1 << LANE) - 1


class Weight(NamedTuple):
    """Worth of a text's words, in lanes, and their number."""

    worth: int
    words: int


class Kind(NamedTuple):
    """Scores of a record, and of a study (an exam item, research); above 0 it is one."""

    record: float
    study: float


class Model:
    """A table of weights, and what turns their sums into scores."""

    def __init__(self, tables: Mapping[str, dict[str, int]], card: Mapping[str, float]) -> None:
        self._words, self._pairs, self._pieces = (tables[name] for name in "wbp")
        self._unit = card["unit"]
        self._bias = (card["bias_emergency"], card["bias_record"], card["bias_study"])
        self._slope, self._offset = card["slope"], card["offset"]

    def weigh(self, text: str) -> Weight:
        """Return what the words of a text are worth together."""
        tokens = tokens_of(text)
        known, pairs = self._words, self._pairs
        # Each once, in training, too: a word says no more when it comes again and again.
        words = sum(known[word] if word in known else self._unknown(word) for word in set(tokens))
        worth = words + sum(pairs.get(pair, 0) for pair in set(pairs_of(tokens)))
        return Weight(worth, len(tokens))

    def chance(self, weight: Weight) -> float:
        """Return how likely a short text reports an emergency, between 0 and 1."""
        logit = self._slope * self._sums(*weight)[0] + self._offset
        return 1 / (1 + math.exp(-min(30.0, max(-30.0, logit))))

    def kind(self, text: str, passages: Sequence[Weight]) -> Kind:
        """Return what speaks for a text being a document, by its passages and its shape."""
        worth = sum(self._words.get(name, 0) for name in shapes_of(text))
        worth += sum(passage.worth for passage in passages)
        _, record, study = self._sums(worth, sum(passage.words for passage in passages))
        return Kind(record, study)

    def _unknown(self, word: str) -> int:
        """Return the worth of a word's pieces; numbers and negated words have none."""
        if word.startswith(NEGATED) or not word[0].isalpha():
            return 0
        pieces = self._pieces.get
        return sum(pieces(piece, 0) for piece in pieces_of(word))

    def _sums(self, packed: int, size: int) -> tuple[float, float, float]:
        first, rest = lane(packed)
        second, third = lane(rest)
        by = self._unit / math.sqrt(max(size, FEWEST))
        bias = self._bias
        return (first * by + bias[0], second * by + bias[1], third * by + bias[2])


def lane(packed: int) -> tuple[int, int]:
    """Return the lowest lane of an integer, and the lanes above it."""
    low = ((packed + HALF) & MASK) - HALF
    return low, (packed - low) >> LANE


def packed(weights: Sequence[int]) -> int:
    """Return weights as the lanes of one integer."""
    return sum(weight << LANE * at for at, weight in enumerate(weights))


@cache
def model() -> Model:
    """Return the classifier as it is shipped; read once (50 ms)."""
    tables: dict[str, dict[str, int]] = {"w": {}, "b": {}, "p": {}}
    with gzip.open(WEIGHTS, "rt", encoding="utf-8") as lines:
        for line in lines:
            feature, *weights = line.rstrip("\n").split("\t")
            tables[feature[0]][feature[1:]] = packed([int(weight or 0) for weight in weights])
    return Model(tables, json.loads(CARD.read_text("utf-8"))["model"])
