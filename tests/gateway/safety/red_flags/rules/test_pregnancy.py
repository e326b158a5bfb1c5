"""Hits and near misses: emergencies of pregnancy and childbirth."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "I'm pregnant and bleeding.",
    "28 weeks pregnant with severe abdominal pain.",
    "The baby hasn't moved today.",
    "38 weeks, flashing lights and a splitting headache",
    "postpartum day 2, seizure, BP 175/110",
    "umbilical cord is hanging out",
)
NEAR_MISSES = (
    "12 weeks pregnant, no bleeding, no pain.",
    "What causes bleeding in pregnancy?",
    "I am pregnant and have bleeding gums.",
    "I had bleeding in my first pregnancy in 2019.",
    "Is travel safe at 30 weeks pregnant?",
    "Severe headache, not pregnant.",
    "Can women with pre-eclampsia breastfeed?",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED109" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
