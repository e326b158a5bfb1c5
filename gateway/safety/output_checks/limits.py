"""Doses that no reference allows: for an adult, for an infant, for each kilogram.

The table is far from what is right, so that what it finds is a slip and not another opinion.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gateway.safety.output_checks.doses import DrugDose, doses
from gateway.safety.output_checks.quantities import quantities
from gateway.safety.output_checks.words import around

LIST = Path(__file__).with_name("limits.txt")
INFANT = re.compile(
    r"(?i)\b(?:infant|newborn|neonate|baby|toddler|"
    r"(?:\d{1,2}|\w{3,6})[ -](?:day|week|month)s?[ -]old)s?\b"
)
YOUNG = frozenset(
    f"{word}{plural}"
    for word in ("infant", "newborn", "neonate", "baby", "toddler", "old")
    for plural in ("", "s")
)
LONGEST = 30
ADULT = re.compile(r"(?i)\b(?:adults?|grown-?ups?|parents?|older)\b")
# In whose sentence a large dose is spoken against, or is not one dose.
SPOKEN_AGAINST = re.compile(
    r"(?i)\b(?:not|never|no more|don't|exceed\w*|maximum|max|over|overdose\w*|toxic\w*|avoid|"
    r"too (?:much|high)|more than|danger\w*|unsafe|fatal|lethal|took|taken|ingest\w*)\b"
)
SENTENCE_END = re.compile(r"\.\s|[\n;!?]")
AROUND = 150  # characters of a sentence, on each side
CHILD_KG = 40.0
DOSES_A_DAY = 4


class Limit(NamedTuple):
    """The largest single doses of a drug in milligrams; None where the table has none."""

    adult: float | None
    infant: float | None
    per_kg: float | None


class Patient(NamedTuple):
    """The facts of a request about the patient, as far as it bounds a dose."""

    is_infant: bool = False
    weight: float | None = None

    @classmethod
    def of(cls, text: str) -> "Patient":
        """Read age and weight; two weights are none."""
        weights = {
            quantity.value for quantity in quantities(text) if quantity.unit in ("kg", "kilograms")
        }
        only = weights.pop() if len(weights) == 1 else None
        is_infant = any(around(INFANT, text.lower(), YOUNG, LONGEST))
        return cls(is_infant, only)


@cache
def limits() -> dict[str, Limit]:
    """Return the limits of each drug."""
    lines = (line for line in LIST.read_text("utf-8").splitlines() if line[:1] not in ("", "#"))
    parts = (line.partition(":") for line in lines)
    return {name: Limit(*map(number_or_none, figures.split())) for name, _, figures in parts}


def number_or_none(written: str) -> float | None:
    return None if written == "-" else float(written)


def too_large(text: str, patient: Patient) -> Iterator[DrugDose]:
    """Yield the doses over a limit that no word of their sentence speaks against."""
    for dose in doses(text):
        sentence = sentence_at(text, dose.start)
        limit = limit_of(dose, patient, is_for_adults=ADULT.search(sentence) is not None)
        most = limit * DOSES_A_DAY if limit is not None and dose.is_of_a_day else limit
        if most is not None and dose.amount > most and not SPOKEN_AGAINST.search(sentence):
            yield dose


def limit_of(dose: DrugDose, patient: Patient, *, is_for_adults: bool) -> float | None:
    """Return the limit that holds for this dose and patient, if there is one."""
    limit = limits().get(dose.drug)
    if limit is None or dose.kind == "units":
        return None
    if dose.kind == "mg/kg":
        return limit.per_kg
    if patient.is_infant and not is_for_adults and limit.infant is not None:
        return limit.infant
    weight = patient.weight
    if weight is not None and weight < CHILD_KG and limit.per_kg is not None and not is_for_adults:
        return limit.per_kg * weight
    return limit.adult


def sentence_at(text: str, at: int) -> str:
    """Return the sentence around a place."""
    before = SENTENCE_END.split(text[max(0, at - AROUND) : at])[-1]
    return before + SENTENCE_END.split(text[at : at + AROUND])[0]
