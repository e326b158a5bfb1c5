"""Hits and near misses: severe bleeding, outside or inside."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "The bleeding won't stop.",
    "He is vomiting blood.",
    "Blood is pouring out of her arm.",
    "massive hemorrhage in theatre, patient unstable",
    "I'm bleeding a lot after the birth",
    "60-year-old man with haematemesis tonight",
)
NEAR_MISSES = (
    "No bleeding.",
    "He denies vomiting blood or melaena.",
    "Which drugs raise the risk of severe bleeding?",
    "Major bleeding in 2020, none since.",
    "I gave blood yesterday.",
    "The bleeding has stopped.",
    "Why does haematemesis occur?",
    "My mother had a brain haemorrhage years ago.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED106" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
