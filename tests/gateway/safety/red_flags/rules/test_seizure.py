"""Hits and near misses: a seizure that goes on, comes back, or is the first."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "He is having a seizure.",
    "She has been fitting for 6 minutes.",
    "The seizure won't stop.",
    "my child had a seizure this morning",
    "status epilepticus in our patient",
)
NEAR_MISSES = (
    "No seizures since 2014.",
    "Last seizure was years ago.",
    "What should bystanders do when someone is having a seizure?",
    "The dress is fitting well.",
    "My aunt had seizures as a child.",
    "Which drugs stop seizures?",
    "History of a first seizure in 2011.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED111" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
