"""The classifier's table: texts read together, sums that fit, and nothing of a text that stays."""

import pytest

from gateway.safety.red_flags.classifier.features import PART, Vocabulary, tokens_of, tokens_of_each
from gateway.safety.red_flags.classifier.model import HALF, lanes, model, packed
from gateway.safety.red_flags.screening import PASSAGE

TEXTS = [
    "No pain, no fever but 38.5 yesterday",
    "",
    "not",
    "so he says: Ébola? 1,5 mg",
    f"never{PART}ill{PART}",
    "36.\n5 \U0001f642",
]


def test_texts_read_together_are_read_apart() -> None:
    """A negation ends with its text, whatever characters it holds."""
    words = ["pain", "fever", "ill", "mg"]

    for vocabulary in (Vocabulary(), Vocabulary(words)):
        assert tokens_of_each(TEXTS, vocabulary) == [tokens_of(text) for text in TEXTS]
    assert tokens_of_each(["no", "pain"], Vocabulary()) == [["no"], ["pain"]]


def test_no_word_of_a_text_is_kept() -> None:
    """An unknown word may be a name: nothing that outlives the text holds it."""
    shipped = model()
    tables = (
        shipped._worths,
        shipped._pairs,
        shipped._vocabulary.counted,
        shipped._vocabulary.negated,
    )
    before = [len(table) for table in tables]

    assert shipped.weigh(["Mr Zylbrotzky-Quorn, not Wexelblatt, 4711 zzyx"])[0].words > 5
    assert [len(table) for table in tables] == before


@pytest.mark.parametrize("weights", [(0, 0, 0), (-1, 2, -3), (HALF - 1, -HALF, HALF - 1)])
def test_lanes_hold_what_was_packed(weights: tuple[int, int, int]) -> None:
    """Each sum by itself, below zero too."""
    assert lanes(packed(weights)) == weights


def test_a_passage_fits_its_lanes() -> None:
    """With the largest weights that there are: a word of one letter and a pair for every second
    character, and three pieces for each."""
    shipped, longest = model(), 2 * PASSAGE
    words, pairs, pieces = (
        max(max(map(abs, lanes(worth))) for worth in table.values())
        for table in (shipped._worths, shipped._pairs, shipped._worths._pieces)
    )

    assert longest // 2 * (words + pairs) + 3 * longest * pieces < HALF
