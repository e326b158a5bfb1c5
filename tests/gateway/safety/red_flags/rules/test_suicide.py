"""Hits and near misses: suicidal intent or active self-harm."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "I want to kill myself.",
    "She says she wants to end her life.",
    "I am suicidal.",
    "he wishes he were dead",
    "I don't want to live anymore",
    "Patient with suicidal ideation and a plan, on the ward now.",
    "I can't stop thinking about hanging myself",
)
NEAR_MISSES = (
    "Denies suicidal ideation.",
    "No thoughts of killing himself.",
    "Suicidal thoughts as a teenager, well since 2015.",
    "How is suicidal ideation assessed?",
    "Do SSRIs increase suicidal thoughts?",
    "My grandfather killed himself years ago.",
    "He wants to die at home with his family.",
    "I don't want to live in a big city.",
    "I want to die of shame.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED104" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
