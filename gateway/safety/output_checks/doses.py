"""Doses of a drug, and one that is a power of ten away from another of the same drug.

A thousandfold is milligrams for micrograms.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from gateway.safety.output_checks.drugs import Mention, mentions
from gateway.safety.output_checks.quantities import IN_MG, Quantity, quantities

Kind = Literal["mg", "units", "mg/kg"]
UNITS: Mapping[str, tuple[Kind, float]] = {
    **{unit: ("mg", factor) for unit, factor in IN_MG.items()},
    **dict.fromkeys(("unit", "units", "iu"), ("units", 1.0)),
    "mg/kg": ("mg/kg", 1.0),
    "mcg/kg": ("mg/kg", 0.001),
    "g/kg": ("mg/kg", 1000.0),
}
NEAR = 50  # characters from a drug to its dose
POWERS = (10.0, 100.0, 1000.0)
# Between a drug and a quantity that can only be its own; and before the drug that a dose is of.
ADJACENT = ("", "(", ":", "=", "-", "at", "dose", "tablets", "injection")
OF = ("", "of", "oral", "intravenous", "iv", "im")
ENDS = (". ", ";", "\n")


class DrugDose(NamedTuple):
    """A dose of a drug, in milligrams, units, or milligrams per kilogram, and where it stands."""

    drug: str
    kind: Kind
    amount: float
    start: int
    is_of_a_day: bool


Doses = Mapping[tuple[str, Kind], frozenset[float]]


def doses(text: str) -> Iterator[DrugDose]:
    """Yield every quantity that stands behind a drug's name, or right before it."""
    text = text.lower()
    named = mentions(text)
    starts = [mention.start for mention in named]
    for quantity in quantities(text) if named else ():
        at = bisect(starts, quantity.start)
        owner = owner_of(quantity, text, named[max(0, at - 1) : at], named[at : at + 1])
        if owner and quantity.unit in UNITS:
            kind, factor = UNITS[quantity.unit]
            amount = round(quantity.value * factor, 6)
            yield DrugDose(owner.drug.name, kind, amount, quantity.start, quantity.is_of_a_day)


def owner_of(
    quantity: Quantity, text: str, before: Sequence[Mention], behind: Sequence[Mention]
) -> Mention | None:
    """Return the drug that a quantity is a dose of: the one before it, unless the next follows it
    at once."""
    between = text[before[0].end : quantity.start] if before else None
    is_near = between is not None and len(between) <= NEAR and not has_end(between)
    if between is not None and is_near and between.strip() in ADJACENT:
        return before[0]
    if behind and text[quantity.end : min(behind[0].start, quantity.end + NEAR)].strip() in OF:
        return behind[0]
    return before[0] if is_near else None


def has_end(between: str) -> bool:
    """Return whether a sentence or a line ends here."""
    return any(end in between for end in ENDS)


def by_drug(text: str) -> Doses:
    """Return the doses of each drug."""
    amounts_by_drug: defaultdict[tuple[str, Kind], set[float]] = defaultdict(set)
    for dose in doses(text):
        amounts_by_drug[dose.drug, dose.kind].add(dose.amount)
    return {key: frozenset(amounts) for key, amounts in amounts_by_drug.items()}


def is_power_of_ten(dose: DrugDose, known: Doses) -> bool:
    """Return whether a dose is 10, 100 or 1,000 times one that is known of its drug, or that part,
    and not known itself."""
    amounts = known.get((dose.drug, dose.kind), frozenset())
    slips = {round(dose.amount * power, 6) for power in POWERS}
    slips |= {round(dose.amount / power, 6) for power in POWERS}
    return dose.amount not in amounts and bool(slips & amounts)
