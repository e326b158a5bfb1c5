"""Sentences: where a text is split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.safety.red_flags.classifier.features import LONGEST_TEXT, bounded
from gateway.safety.red_flags.sentences import LONGEST_SENTENCE, normal, sentences_of


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
    assert len([part for part in sentences_of(text) if part.strip() or not text]) == count


@given(st.text(alphabet="ab .\n-:1", max_size=400))
def test_nothing_is_lost(text: str) -> None:
    """The parts are the text, in order, wrapped lines joined."""
    assert "".join(sentences_of(text)) == text.replace("\n", " ")


def test_an_endless_sentence_comes_in_overlapping_pieces() -> None:
    """So that the time for one sign is bounded, and a sign at a cut is still whole somewhere."""
    text = "word " * 1000
    parts = sentences_of(text)

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
