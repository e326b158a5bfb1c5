"""Doses of a drug, and one that is ten times another of the same drug."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.safety.output_checks.drugs import mentions
from gateway.safety.output_checks.quantities import quantities

# In milligrams; units of insulin are their own.
IN_MG = {
    **dict.fromkeys(("mg", "milligram", "milligrams"), 1.0),
    **dict.fromkeys(("mcg", "µg", "μg", "ug", "microgram", "micrograms"), 0.001),
    **dict.fromkeys(("g", "gram", "grams"), 1000.0),
    **dict.fromkeys(("unit", "units", "iu"), 1.0),
}
NEAR = 50  # characters from a drug to the end of its dose
TENFOLD = 10.0
Doses = Mapping[str, frozenset[float]]


class Dose(NamedTuple):
    """A dose of a drug, in milligrams or units."""

    drug: str
    amount: float


def doses(text: str) -> Iterator[Dose]:
    """Yield the doses behind each drug's name, before the next drug or the end of the sentence."""
    text = text.lower()
    named = mentions(text)
    starts = [*(one.start for one in named[1:]), len(text)]
    for drug, end in zip(named, starts, strict=False):
        behind = text[drug.end : min(end, drug.end + NEAR)].partition(". ")[0]
        for amount in quantities(behind):
            if amount.unit in IN_MG:
                yield Dose(drug.drug.name, round(amount.value * IN_MG[amount.unit], 6))


def by_drug(text: str) -> Doses:
    """Return the doses of each drug."""
    found: defaultdict[str, set[float]] = defaultdict(set)
    for dose in doses(text):
        found[dose.drug].add(dose.amount)
    return {drug: frozenset(amounts) for drug, amounts in found.items()}


def is_tenfold(dose: Dose, known: Doses) -> bool:
    """Return whether a dose is ten times one that is known of its drug, or a tenth, and not known
    itself."""
    amounts = known.get(dose.drug, frozenset())
    tenfold = {round(dose.amount * TENFOLD, 6), round(dose.amount / TENFOLD, 6)}
    return dose.amount not in amounts and bool(tenfold & amounts)
