"""Hits and near misses: cauda equina: numb saddle, lost bladder or bowel, with a bad back."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "Saddle anaesthesia and bilateral sciatica.",
    "I'm numb between my legs.",
    "back pain and urinary retention since today",
    "Slipped disc, I can't control my bladder.",
    "58M with cauda equina compression on MRI",
)
NEAR_MISSES = (
    "No saddle anaesthesia, no incontinence.",
    "Back pain, denies urinary retention.",
    "What is cauda equina syndrome?",
    "Cauda equina surgery in 2018, stable.",
    "My foot is numb after sitting.",
    "Stress incontinence exercises?",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED112" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
