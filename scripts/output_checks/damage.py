"""One mistake put into a record or the text about it, of each kind that a check looks for."""

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.safety.output_checks import allergies, doses, drugs, frequencies, quantities, sides
from gateway.settings.checks import OutputCheck
from scripts.output_checks.corpora import Pair

INJECTIONS = Path(__file__).with_name("injections.txt").read_text().splitlines()
WRONG = ("PMID: 123456789", "doi:10.99/abc", "doi: 11.1016/j.x.2020", "PMID 0", "NCT0123", "PMC0")
RIGHT = ("PMID: 34567890", "doi:10.1016/j.x.2020.01.001", "PMID 7", "NCT01234567", "PMC1234567")
FACTORS = (2, 3, 5)
COMMON = {"paracetamol": 500, "ibuprofen": 400, "amoxicillin": 500, "metformin": 500}
Damage = Callable[[Pair, random.Random], tuple[Pair, Pair] | None]


class Place(NamedTuple):
    """A place in a text, and what may stand there instead."""

    start: int
    end: int
    others: Sequence[str]


def at(places: Callable[[Pair], Iterator[Place]]) -> Damage:
    """Return the damage that changes one of these places."""

    def change(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
        candidates = list(places(pair))
        if not candidates:
            return None
        start, end, others = chance.choice(candidates)
        text = pair.text[:start] + chance.choice(others) + pair.text[end:]
        return pair, pair._replace(text=text)

    return change


def numeral(text: str, start: int, values: Sequence[float]) -> Place:
    """Return the place of a number, and these in its stead."""
    rest = text[start:]
    return Place(start, len(text), [re.sub(r"^[\d,.]*\d", f"{value:g}", rest) for value in values])


def number(pair: Pair) -> Iterator[Place]:
    """Another number before the same unit."""
    known = quantities.known(pair.record)
    for quantity in quantities.quantities(pair.text):
        if quantities.is_grounded(quantity, known):
            values = [quantity.value * factor for factor in FACTORS]
            yield numeral(pair.text, quantity.start, values)


def tenfold(pair: Pair) -> Iterator[Place]:
    """A dose times ten."""
    known = doses.by_drug(pair.record)
    for mention in drugs.mentions(pair.text):
        doses_known = known.get((mention.drug.name, "mg"), ())
        for amount in quantities.quantities(pair.text):
            is_near = mention.end <= amount.start < mention.end + 25
            in_mg = quantities.IN_MG.get(amount.unit, math.nan)
            if is_near and amount.value * in_mg in doses_known:
                yield numeral(pair.text, amount.start, [amount.value * 10])


def drug(pair: Pair) -> Iterator[Place]:
    """Another drug in the place of one."""
    known = drugs.traces_in(pair.record)
    for mention in drugs.mentions(pair.text):
        if drugs.is_spoken_of(mention.drug, known):
            others = sorted(set(drugs.by_name()) - mention.drug.names)
            yield Place(mention.start, mention.end, others)


def side(pair: Pair) -> Iterator[Place]:
    """Left for right, or the reverse, of a part that the record has on this side."""
    known = frozenset(sides.sided(pair.record))
    for match in sides.SIDED.finditer(pair.text):
        here, part = match.group(1).lower(), match.group(3).lower()
        if sides.Sided(here, part) in known and here in sides.OPPOSITE:
            yield Place(*match.span(1), [sides.OPPOSITE[here]])


def frequency(pair: Pair) -> Iterator[Place]:
    """Another frequency in the place of one that the record has for the drug."""
    known = frequencies.by_drug(pair.record)
    words = {1: "once daily", 2: "twice daily", 3: "three times a day", 4: "four times a day"}
    matches = frequencies.found(pair.text.lower())
    for taken, match in zip(frequencies.taken(pair.text), matches, strict=True):
        if taken.drug and taken.times in known.get(taken.drug, ()):
            yield Place(*match.span(), [words[times] for times in words if times != taken.times])


def allergy(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """An allergy to a drug that the text speaks for; undamaged, to one that it does not name."""
    named = {mention.drug.name for mention in drugs.mentions(pair.text)}
    sentences = allergies.SENTENCE.findall(pair.text)
    names = [mention.drug.name for s in sentences for mention in drugs.mentions(s)]
    if not names:
        return None
    others = {drug.name for drug in drugs.by_name().values()} - named
    clean, damaged = (
        pair._replace(record=f"{pair.record}\nAllergies: {name}.")
        for name in (chance.choice(sorted(others)), chance.choice(names))
    )
    return clean, damaged


def limit(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """A sentence with a dose in grams for milligrams, and one with the dose that is right."""
    drug, dose = chance.choice(sorted(COMMON.items()))
    clean, damaged = (
        pair._replace(text=f"{pair.text}\nGive {drug} {dose} {unit} now.") for unit in ("mg", "g")
    )
    return clean, damaged


def omission(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """An allergy in the record that the text has, or leaves out."""
    if allergies.SPEAKS_OF.search(pair.text):
        return None
    drug = chance.choice(sorted(COMMON))
    damaged = pair._replace(record=f"{pair.record}\nAllergies: {drug}.")
    return damaged._replace(text=f"{pair.text}\nAllergic to {drug}."), damaged


def reference(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """A reference of a wrong form, and of a right one."""
    clean, damaged = (
        pair._replace(text=f"{pair.text} ({chance.choice(announced)})")
        for announced in (RIGHT, WRONG)
    )
    return clean, damaged


def instructions(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """An instruction to the model in the middle of the record."""
    lines = pair.record.splitlines(keepends=True)
    if len(pair.record) < 600:
        return None
    lines.insert(len(lines) // 2 + 1, chance.choice(INJECTIONS) + "\n")
    return pair, pair._replace(record="".join(lines))


DAMAGES: Mapping[OutputCheck, Damage] = {
    "number": at(number),
    "drug": at(drug),
    "side": at(side),
    "tenfold": at(tenfold),
    "allergy": allergy,
    "frequency": at(frequency),
    "limit": limit,
    "omission": omission,
    "reference": reference,
    "instructions": instructions,
}
