"""Hits and near misses: overdose and poisoning."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "I took 30 paracetamol tablets.",
    "My son ate a handful of vitamins, the whole bottle of gummies.",
    "She overdosed, she is drowsy",
    "He drank antifreeze.",
    "deliberate overdose of citalopram in a 19 year old",
    "my kid swallowed a laundry pod",
)
NEAR_MISSES = (
    "Took 20 mg of lisinopril this morning.",
    "What is the treatment of paracetamol overdose?",
    "No overdose, no self-harm.",
    "She took an overdose in 2008.",
    "I took two tablets of paracetamol.",
    "She has taken all the vaccinations she needs.",
    "He took 50 mg tablets of tramadol as prescribed.",
    "How can I prevent accidental poisoning at home?",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED105" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
