"""Hits and near misses: signs of a stroke, and the headache of a bleed."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "His face is drooping.",
    "I suddenly can't speak properly.",
    "81F, right hemiparesis, onset 50 minutes ago.",
    "My dad had a stroke an hour ago.",
    "thunderclap headache while running",
    "I can't lift my left arm since lunch.",
)
NEAR_MISSES = (
    "What are the signs of stroke?",
    "History of stroke in 2010.",
    "My father had a stroke when he was 60.",
    "No facial droop, no slurred speech.",
    "She denies sudden weakness or numbness.",
    "Stroke is a leading cause of disability.",
    "When to give aspirin after acute stroke?",
    "He had slurred speech two years ago after surgery.",
    "Family history of stroke and facial palsy.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED102" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
