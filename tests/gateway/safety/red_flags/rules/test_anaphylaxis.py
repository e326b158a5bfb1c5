"""Hits and near misses: anaphylaxis."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "My throat is closing.",
    "her lips are swelling after the prawns",
    "Urticaria and wheeze five minutes after contrast.",
    "My wife is in anaphylactic shock.",
    "He has angioedema of the tongue and stridor.",
)
NEAR_MISSES = (
    "How is anaphylaxis treated?",
    "He has a history of anaphylaxis to wasp stings.",
    "No lip swelling, no hives, no wheeze.",
    "She needs an anaphylaxis plan for school.",
    "My sister had an anaphylactic reaction years ago.",
    "My throat is sore.",
    "He is at risk of anaphylaxis.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED103" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
