"""Hits and near misses: severe difficulty in breathing, choking included."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "I can't breathe.",
    "She is struggling to breathe.",
    "My baby is choking.",
    "Shortness of breath at rest, getting worse.",
    "sats 82% on air",
    "asthma attack, the inhaler is not helping",
    "I have trouble breathing",
)
NEAR_MISSES = (
    "No shortness of breath, no wheeze.",
    "Denies difficulty breathing.",
    "What causes severe shortness of breath?",
    "Acute respiratory distress in 2015, no sequelae.",
    "If someone is choking, give back blows.",
    "SpO2 98% on room air.",
    "She can breathe well now.",
    "My father had severe asthma as a child.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED107" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
