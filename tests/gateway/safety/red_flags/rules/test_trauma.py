"""Hits and near misses: major injury."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "He was stabbed.",
    "The bone is poking out of his arm.",
    "Car crash, two people trapped.",
    "gunshot wound to the thigh, patient pale",
    "I got electrocuted and feel dizzy",
    "She fell off a ladder and can't move her legs.",
)
NEAR_MISSES = (
    "How are stab wounds managed?",
    "He was shot at in 1944 but not hit.",
    "My brother had a car accident years ago and was badly hurt.",
    "A stabbing headache after ice cream.",
    "I got my flu shot.",
    "No bones broken, no wounds.",
    "Bone density scan results?",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED114" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
