"""Hits and near misses: signs of sepsis or meningitis."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "Fever, stiff neck and vomiting.",
    "He has a temperature of 39.8 and is confused.",
    "non-blanching rash in a febrile child",
    "Suspected meningitis in a student, temp 40.",
    "I have a fever. My neck is really stiff.",
)
NEAR_MISSES = (
    "No fever, no neck stiffness.",
    "Fever for two days, no rash, no confusion, drinking well.",
    "What are the signs of meningitis?",
    "Meningitis in 1990, well since.",
    "My neck is stiff from the gym.",
    "Temperature 37.2, a bit confused about the dosing.",
    "Compare scores for septic shock.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED108" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
