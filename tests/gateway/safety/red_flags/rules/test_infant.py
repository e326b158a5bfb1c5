"""Hits and near misses: fever in a young infant; a child who is floppy, blue or will not wake."""

import pytest

from tests.gateway.safety.red_flags.rules import ids

HITS = (
    "My 6-week-old has a fever of 38.4.",
    "newborn with a temperature of 38.5",
    "The baby is floppy.",
    "my daughter won't wake up",
    "Toddler blue and grunting.",
)
NEAR_MISSES = (
    "My 6-week-old has no fever.",
    "4 year old with a fever of 38.5, playing happily.",
    "Baby is not floppy and feeds well.",
    "How is fever in newborns treated?",
    "My son won't wake up in the morning.",
    "Our baby was limp at birth in 2018 and is fine.",
)


@pytest.mark.parametrize("text", HITS)
def test_a_present_emergency_is_noticed(text: str) -> None:
    """Patients' words and clinicians' shorthand both count."""
    assert "MED110" in ids(text)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_mere_talk_is_not(text: str) -> None:
    """Negation, history, family, general questions and words with two meanings stay quiet."""
    assert ids(text) == []
