"""Hits and near misses: a person who is not breathing, has no pulse, or cannot be woken."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "He isn't breathing.",
    "My mother is unconscious.",
    "She passed out and won't wake up.",
    "no pulse",
    "Patient went into cardiac arrest.",
    "I found him lying unresponsive",
)
NEAR_MISSES = (
    "What is cardiac arrest?",
    "Survivor of a cardiac arrest in 2016.",
    "If someone is unconscious, call for help.",
    "I practise breathing exercises.",
    "He was never unconscious.",
    "Unconscious bias training for staff.",
    "I can't wake up without coffee.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED113" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
