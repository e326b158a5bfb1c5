"""Vital signs and laboratory values: numbers, units, shorthand, limits by age."""

import pytest

from gateway.safety.red_flags.vital_signs import LIMITS, TABLE, age_group, is_critical

CRITICAL = [
    "BP 80/40",
    "RR 85/50 und kaltschweißig",  # German: a blood pressure
    "TA 70/40",
    "sats 84 RA",
    "SpO2: 78%",
    "HR 210",
    "heart rate of 28",
    "RR 4",
    "GCS 3",
    "lactate 9",
    "K 7.9",
    "Kalium 7,2",
    "Na 104",
    "pH 6.98",
    "glucose 1.9",
    "glucose 45",  # too low in mg/dl, too high in mmol/l
    "sugar 650",
    "MAP 48",
    "temp 41.5",
    "core temp 28 C",
    "temperature 106 F",
    "36 weeks pregnant, BP 170/110",
    "2 week old, temp 100.4",
    "newborn, 38.0 C",
    "6/52 old, HR 215",
    "3/12 old, RR 78",
    "5 month old, RR 66",
    "3 year old, BP 68/40",
]
FINE = [
    "HR 72, BP 120/80, sats 98 RA, RR 14, T 37",
    "RR 120/80",
    "BP 150/95 on ramipril",
    "BP 170/110",  # high, and no emergency by itself unless pregnant
    "K 4.9",
    "potassium 5.2",
    "glucose 11 after lunch",
    "blood sugar 180",
    "pH 7.38",
    "GCS 15",
    "4 year old, temp 39.2, playing",
    "6 month old, HR 170",
    "2 month old, RR 50",
    "5 week old, 37.6 C",
    "lactate > 4 mmol/L",
    "systolic BP under 90",
    "BP was 80/40 in 2019",
    "took 40 mg, weight 84",
    "K 40 mg",
    "he is 84 and was born in 1941",
    "no numbers at all",
]


@pytest.mark.parametrize("text", CRITICAL)
def test_a_critical_value_is_read(text: str) -> None:
    """In shorthand or in words, in each unit, for the age that the text names."""
    assert is_critical(text)


@pytest.mark.parametrize("text", FINE)
def test_other_values_are_not(text: str) -> None:
    """Normal ones, comparisons, the past, and numbers of something else."""
    assert not is_critical(text)


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("newborn", "newborn"),
        ("day 3 neonate", "newborn"),
        ("our 6-week-old", "newborn"),
        ("säugling, 7 wochen", "newborn"),
        ("bebé de 3 semanas", "newborn"),
        ("5 month old", "infant"),
        ("9/12", "infant"),
        ("18 months", "toddler"),
        ("a 4 year old", "toddler"),
        ("8 yo girl", "child"),
        ("58m", "adult"),
        ("74f", "adult"),
        ("34 weeks pregnant", "adult"),
        ("had it 3 weeks ago", "adult"),
        ("pain", "adult"),
    ],
)
def test_the_age_group_of_a_text(text: str, group: str) -> None:
    """The first age that is named; nothing of pregnancies and of times past."""
    assert age_group(text) == group


def test_every_limit_belongs_to_a_sign() -> None:
    """A misspelt name in the table would be a limit that nothing is held to."""
    signs = set(TABLE["names"])

    assert set(TABLE["plausible"]) == signs
    assert set(LIMITS["adult"]) == signs
    assert all(set(limits) <= signs for limits in LIMITS.values())
