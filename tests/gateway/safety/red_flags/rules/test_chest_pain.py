"""Hits and near misses: chest pain now."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "My chest hurts and my jaw is numb.",
    "50yo male, chest pain since 2 hours, ST elevation in V2-V4.",
    "i feel a squeezing pressure in the middle of my chest",
    "She has no fever but complains of severe chest pain.",
    "Patient denies cough, now has substernal pain radiating to the back.",
    "What should I do, I have crushing chest pain",
    "My father has chest pain and is sweating.",
)
NEAR_MISSES = (
    "Denies chest pain.",
    "He has no chest pain, cough or fever.",
    "History of chest pain in 2019, none since.",
    "Chest pain: none. Dyspnoea: none.",
    "Her father had chest pain before his bypass.",
    "What causes crushing chest pain?",
    "If someone has chest pain, which test comes first?",
    "My chest pain resolved months ago.",
    "Chest pain is a common reason for admission.",
    "He is chest pain free.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED101" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
