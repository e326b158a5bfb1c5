"""The checks that are on, what they need of a request, and what they find in its answer."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from gateway.safety.labels import Digest
from gateway.safety.output_checks import (
    allergies,
    doses,
    drugs,
    frequencies,
    instructions,
    limits,
    references,
    sides,
)
from gateway.safety.output_checks.allergies import Allergies
from gateway.safety.output_checks.doses import Doses
from gateway.safety.output_checks.frequencies import Frequencies
from gateway.safety.output_checks.limits import Patient
from gateway.safety.output_checks.quantities import (
    Known,
    is_grounded,
    known,
    labelled,
    quantities,
)
from gateway.safety.output_checks.sides import Sided
from gateway.safety.transcript import KeepingDigest
from gateway.settings.checks import OutputCheck

MOST_READ = 128 * 1024  # characters of a request, and of an answer
DOCUMENT = 300  # characters from which a text is a document
# A task that adds nothing of its own. Asked for advice, an answer may name any drug and dose.
RECORD_WORK = re.compile(
    r"(?i)\b(?:summari[sz]\w*|summary|shorten|condense|extract|rewrite|reword|rephrase|translate|"
    r"transcribe|convert|structure|write (?:up|a|an|the)|draft|discharge (?:letter|summary)|"
    r"(?:clinical|soap|progress|visit) note|hand-?over|zusammen\w*|übersetz\w*|"
    r"resum\w+|traduc\w+)\b"
)
# Of those, one whose result stands for the whole document, so that an allergy belongs into it.
SUMMARY = re.compile(
    r"(?i)\b(?:summari[sz]\w*|summary|condense|write (?:up|a|an|the)|draft|discharge letter|"
    r"(?:clinical|soap|progress|visit|referral) (?:note|letter)|hand-?over|zusammenf\w*|resum\w+)\b"
)
READ_ALLERGIES = frozenset(("allergy", "omission", "drug"))
BIRTH = re.compile(r"(?i)\b(?:date of birth|dob|born)\b")  # from which an age follows
AGE = ("year", "years", "month", "months")
TASK = 400  # characters at both ends of a turn, where the task is said


class PromptFacts(NamedTuple):
    """The parts of a request that the checks which are on ask for."""

    numbers: Known = Known()
    drugs: frozenset[str] = frozenset()
    sides: frozenset[Sided] = frozenset()
    doses: Doses = MappingProxyType({})
    allergies: Allergies = frozenset()
    frequencies: Frequencies = MappingProxyType({})
    patient: Patient = Patient()
    has_instructions: bool = False
    has_birth_date: bool = False
    is_record_work: bool = False
    is_summary: bool = False

    @classmethod
    def of(cls, turns: Sequence[str], names: Collection[OutputCheck]) -> "PromptFacts":
        """Read the turns of a request."""
        text = "\n".join(turns)[:MOST_READ]
        is_work = is_record_work(turns)
        return cls(
            known(text) if is_work and "number" in names else Known(),
            drugs.traces_in(text) if is_work and "drug" in names else frozenset(),
            frozenset(sides.sided(text)) if is_work and "side" in names else frozenset(),
            doses.by_drug(text) if {"tenfold", "limit"} & set(names) else {},
            allergies.allergies(text) if READ_ALLERGIES & set(names) else frozenset(),
            frequencies.by_drug(text) if is_work and "frequency" in names else {},
            Patient.of(text) if "limit" in names else Patient(),
            "instructions" in names
            and any(instructions.hidden(turn[:MOST_READ]) for turn in turns),
            is_work and BIRTH.search(text) is not None,
            is_work,
            is_work and has_task(turns, SUMMARY),
        )


def is_record_work(turns: Sequence[str]) -> bool:
    """Return whether a request asks for another form of a document that it holds."""
    if max(map(len, turns), default=0) < DOCUMENT:
        return False
    return has_task(turns, RECORD_WORK)


def has_task(turns: Sequence[str], task: re.Pattern[str]) -> bool:
    """Return whether a task is named where tasks are: at the ends of a turn."""
    ends = chain.from_iterable((turn[:TASK], turn[-TASK:]) for turn in turns)
    return any(task.search(end) for end in ends)


def finds_number(answer: str, facts: PromptFacts) -> bool:
    if not facts.is_record_work:
        return False
    document = facts.numbers
    return not all(
        is_grounded(quantity, document) or (facts.has_birth_date and quantity.unit in AGE)
        for quantity in quantities(answer)
    ) or not all(value in document.numbers | document.masses for value in labelled(answer))


def finds_drug(answer: str, facts: PromptFacts) -> bool:
    return facts.is_record_work and not all(
        drugs.is_spoken_of(mention.drug, facts.drugs)
        or allergies.is_meant(mention.drug, facts.allergies)
        for mention in drugs.mentions(answer)
    )


def finds_side(answer: str, facts: PromptFacts) -> bool:
    return facts.is_record_work and any(
        sides.is_swapped(part, facts.sides) for part in sides.named(answer)
    )


def finds_tenfold(answer: str, facts: PromptFacts) -> bool:
    return bool(facts.doses) and any(
        doses.is_power_of_ten(dose, facts.doses) for dose in doses.doses(answer)
    )


def finds_allergy(answer: str, facts: PromptFacts) -> bool:
    return any(True for _ in allergies.conflicts(answer, facts.allergies))


def finds_frequency(answer: str, facts: PromptFacts) -> bool:
    return any(
        frequencies.is_too_often(frequency) or frequencies.is_other(frequency, facts.frequencies)
        for frequency in frequencies.taken(answer)
    )


def finds_limit(answer: str, facts: PromptFacts) -> bool:
    is_known = facts.doses if facts.is_record_work else {}
    return any(
        dose.amount not in is_known.get((dose.drug, dose.kind), ())
        for dose in limits.too_large(answer, facts.patient)
    )


def finds_omission(answer: str, facts: PromptFacts) -> bool:
    return facts.is_summary and allergies.is_left_out(answer, facts.allergies)


def finds_reference(answer: str, facts: PromptFacts) -> bool:
    return references.malformed(answer)


def finds_instructions(answer: str, facts: PromptFacts) -> bool:
    return facts.has_instructions


Find = Callable[[str, PromptFacts], bool]
# By the name in the setting: the warning, and what finds it.
CHECKS: Mapping[OutputCheck, tuple[str, Find]] = {
    "number": ("number_not_in_document", finds_number),
    "drug": ("drug_not_in_document", finds_drug),
    "side": ("side_not_in_document", finds_side),
    "tenfold": ("tenfold_dose", finds_tenfold),
    "allergy": ("allergy_conflict", finds_allergy),
    "frequency": ("frequency_not_in_document", finds_frequency),
    "limit": ("dose_over_limit", finds_limit),
    "omission": ("allergy_not_in_answer", finds_omission),
    "reference": ("malformed_reference", finds_reference),
    "instructions": ("instructions_in_document", finds_instructions),
}


@dataclass(frozen=True, slots=True)
class AnswerChecks:
    """The checks of one answer."""

    names: Sequence[OutputCheck]
    facts: PromptFacts

    def heard(self, mac: Digest) -> list[str]:
        """Return the warnings on the text that a digest has kept."""
        return self.warnings(mac.text()) if isinstance(mac, KeepingDigest) else []

    def warnings(self, answer: str) -> list[str]:
        """Return the warnings on an answer."""
        read = answer[:MOST_READ]
        checks = (CHECKS[name] for name in self.names)
        return [warning for warning, finds in checks if finds(read, self.facts)]


def checks_for(names: Sequence[OutputCheck], turns: Sequence[str]) -> AnswerChecks:
    """Return the checks of the answer to a request."""
    return AnswerChecks(names, PromptFacts.of(turns, names))
