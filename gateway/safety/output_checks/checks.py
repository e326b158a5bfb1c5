"""The checks that are on, what they need of a request, and what they find in its answer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hmac import HMAC
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple, cast

import re2

from gateway.safety.output_checks import allergies, doses, drugs, instructions, references, sides
from gateway.safety.output_checks.allergies import Allergies
from gateway.safety.output_checks.doses import Doses
from gateway.safety.output_checks.quantities import is_grounded, numbers, quantities
from gateway.safety.output_checks.sides import Sided
from gateway.settings_checks import OutputCheck

MOST_READ = 128 * 1024  # characters of a request, and of an answer
DOCUMENT = 300  # characters from which a text is a document
# A task that adds nothing of its own. Asked for advice, an answer may name any drug and dose.
RECORD_WORK = re2.compile(
    r"(?i)\b(?:summari[sz]\w*|summary|shorten|condense|extract|rewrite|reword|rephrase|translate|"
    r"transcribe|convert|structure|write (?:up|a|an|the)|draft|discharge (?:letter|summary)|"
    r"(?:clinical|soap|progress|visit) note|hand-?over|zusammen\w*|übersetz\w*|"
    r"resum\w+|traduc\w+)\b"
)
BIRTH = re2.compile(r"(?i)\b(?:date of birth|dob|born)\b")  # from which an age follows
AGE = ("year", "years", "month", "months")
TASK = 400  # characters at both ends of a turn, where the task is said


class Facts(NamedTuple):
    """The parts of a request that the checks which are on ask for."""

    numbers: frozenset[float] = frozenset()
    drugs: frozenset[str] = frozenset()
    sides: frozenset[Sided] = frozenset()
    doses: Doses = MappingProxyType({})
    allergies: Allergies = frozenset()
    has_instructions: bool = False
    has_birth_date: bool = False
    is_record_work: bool = False

    @classmethod
    def of(cls, turns: Sequence[str], names: Collection[OutputCheck]) -> "Facts":
        """Read the turns of a request."""
        text = "\n".join(turns)[:MOST_READ]
        is_work = is_record_work(turns)
        return cls(
            numbers(text) if is_work and "number" in names else frozenset(),
            drugs.traces_in(text) if is_work and "drug" in names else frozenset(),
            frozenset(sides.sided(text)) if is_work and "side" in names else frozenset(),
            doses.by_drug(text) if "tenfold" in names else {},
            allergies.allergies(text) if "allergy" in names else frozenset(),
            "instructions" in names and any(instructions.hidden(one[:MOST_READ]) for one in turns),
            is_work and BIRTH.search(text) is not None,
            is_work,
        )


def is_record_work(turns: Sequence[str]) -> bool:
    """Return whether a request asks for another form of a document that it holds."""
    if max(map(len, turns), default=0) < DOCUMENT:
        return False
    ends = chain.from_iterable((turn[:TASK], turn[-TASK:]) for turn in turns)
    return any(RECORD_WORK.search(end) for end in ends)


def finds_number(answer: str, facts: Facts) -> bool:
    return facts.is_record_work and not all(
        is_grounded(one, facts.numbers) or (facts.has_birth_date and one.unit in AGE)
        for one in quantities(answer)
    )


def finds_drug(answer: str, facts: Facts) -> bool:
    return facts.is_record_work and not all(
        drugs.is_spoken_of(one.drug, facts.drugs) for one in drugs.mentions(answer)
    )


def finds_side(answer: str, facts: Facts) -> bool:
    return facts.is_record_work and any(
        sides.is_swapped(one, facts.sides) for one in sides.named(answer)
    )


def finds_tenfold(answer: str, facts: Facts) -> bool:
    return bool(facts.doses) and any(
        doses.is_tenfold(one, facts.doses) for one in doses.doses(answer)
    )


def finds_allergy(answer: str, facts: Facts) -> bool:
    return any(True for _ in allergies.conflicts(answer, facts.allergies))


def finds_reference(answer: str, facts: Facts) -> bool:
    return references.malformed(answer)


def finds_instructions(answer: str, facts: Facts) -> bool:
    return facts.has_instructions


Find = Callable[[str, Facts], bool]
# By the name in the setting: the warning, and what finds it.
CHECKS: Mapping[OutputCheck, tuple[str, Find]] = {
    "number": ("number_not_in_document", finds_number),
    "drug": ("drug_not_in_document", finds_drug),
    "side": ("side_not_in_document", finds_side),
    "tenfold": ("tenfold_dose", finds_tenfold),
    "allergy": ("allergy_conflict", finds_allergy),
    "reference": ("malformed_reference", finds_reference),
    "instructions": ("instructions_in_document", finds_instructions),
}


class ListeningDigest:
    """A digest that also keeps what it is of, up to what a check reads; in place of an HMAC."""

    def __init__(self, mac: HMAC) -> None:
        self._mac = mac
        self._heard: list[bytes] = []
        self._size = 0

    def update(self, text: bytes) -> None:
        self._mac.update(text)
        if self._size < MOST_READ:
            self._heard.append(text)
            self._size += len(text)

    def hexdigest(self) -> str:
        return self._mac.hexdigest()

    def text(self) -> str:
        return b"".join(self._heard).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class AnswerChecks:
    """The checks of one answer."""

    names: Sequence[OutputCheck]
    facts: Facts

    def listen(self, mac: HMAC) -> HMAC:
        """Return a digest that keeps the text for `heard`."""
        return cast("HMAC", ListeningDigest(mac))

    def heard(self, mac: HMAC) -> list[str]:
        """Return the warnings on the text that such a digest has heard."""
        return self.warnings(mac.text()) if isinstance(mac, ListeningDigest) else []

    def warnings(self, answer: str) -> list[str]:
        """Return the warnings on an answer."""
        read = answer[:MOST_READ]
        found = (CHECKS[name] for name in self.names)
        return [warning for warning, finds in found if finds(read, self.facts)]


def checks_for(names: Sequence[OutputCheck], turns: Sequence[str]) -> AnswerChecks:
    """Return the checks of the answer to a request."""
    return AnswerChecks(names, Facts.of(turns, names))
