"""How a text is cut into sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.safety.sentences import LONGEST_SENTENCE, LONGEST_TEXT, Sentences, bounded, normal


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("one. two? three!", 3),
        ("temp 38.5 today", 1),
        ("chest\npain", 1),
        ("pmh: copd\nfh: stroke", 2),
        ("findings\n- cough\n- fever", 3),
        ("plan\n1. rest\n2) water", 3),
        ("one\n\ntwo", 2),
        ("", 1),
    ],
)
def test_where_a_sentence_ends(text: str, count: int) -> None:
    """At its mark, at a list item, at a heading or an empty line; not at a wrap or in a number."""
    assert len([part for part in Sentences.of(text).parts if part.strip() or not text]) == count


@given(st.text(alphabet="ab .\n-:1", max_size=400))
def test_nothing_is_lost(text: str) -> None:
    """The parts are the text, in order, wrapped lines joined."""
    assert "".join(Sentences.of(text).parts) == text.replace("\n", " ")


@given(st.text(alphabet="ab .", max_size=3000), st.sampled_from(["a", "ab", "b b"]))
def test_holding_finds_every_sentence_that_holds_a_word(text: str, word: str) -> None:
    """The shortcut by offsets agrees with looking into each sentence."""
    sentences = Sentences.of(text)
    held = [number for number, part in enumerate(sentences.parts) if word in part]

    assert set(held) <= set(sentences.holding([word]))


def test_an_endless_sentence_comes_in_overlapping_pieces() -> None:
    """So that the time for one sign is bounded, and a sign at a cut is still whole somewhere."""
    text = "word " * 1000
    parts = Sentences.of(text).parts

    assert max(map(len, parts)) <= LONGEST_SENTENCE
    assert parts[0][-200:] == parts[1][:200]
    assert parts[-1].endswith("word ")


def test_of_a_huge_text_both_ends_are_read() -> None:
    """The question stands at the beginning or at the end; the time stays bounded."""
    lowered = normal(bounded("FIRST" + "x" * 10 * LONGEST_TEXT + "LAST"))

    assert len(lowered) < LONGEST_TEXT + 10
    assert "first" in lowered
    assert "last" in lowered


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("I can\u2019t", "i can't"),
        ("cant breathe", "can't breathe"),
        ("he wont wake", "he won't wake"),
        ("im here", "i'm here"),
        ("\u00dcbel\u2013keit", "übel-keit"),
    ],
)
def test_hasty_and_typographic_writing_is_read_alike(typed: str, read: str) -> None:
    """Quotes, dashes and forgotten apostrophes."""
    assert normal(typed).strip() == read


def test_a_word_in_the_overlap_is_held_by_both_pieces() -> None:
    """What stands around the word may be whole in only one of them."""
    text = "x " * 325 + "chest " + "x " * 400

    assert Sentences.of(text).holding(["chest"]) == [0, 1]
