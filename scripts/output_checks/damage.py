"""One mistake put into a record or the text about it, of each kind that a check looks for."""

import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.safety.output_checks import allergies, doses, drugs, frequencies, quantities, sides
from gateway.settings.checks import OutputCheck
from scripts.output_checks.corpora import Pair

INJECTIONS = Path(__file__).with_name("injections.txt").read_text().splitlines()
WRONG = ("PMID: 123456789", "doi:10.99/abc", "doi: 11.1016/j.x.2020", "PMID 0", "NCT0123", "PMC0")
RIGHT = ("PMID: 34567890", "doi:10.1016/j.x.2020.01.001", "PMID 7", "NCT01234567", "PMC1234567")
FACTORS = (2, 3, 5)
COMMON = {"paracetamol": 500, "ibuprofen": 400, "amoxicillin": 500, "metformin": 500}
Damage = Callable[[Pair, random.Random], tuple[Pair, Pair] | None]


def number(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """Another number before the same unit."""
    known = quantities.known(pair.record)
    grounded = [
        quantity
        for quantity in quantities.quantities(pair.text)
        if quantities.is_grounded(quantity, known)
    ]
    if not grounded:
        return None
    quantity = chance.choice(grounded)
    return pair, replaced_number(pair, quantity.start, quantity.value * chance.choice(FACTORS))


def tenfold(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """A dose times ten."""
    known = doses.by_drug(pair.record)
    candidates = [
        (mention, amount)
        for mention in drugs.mentions(pair.text)
        for amount in quantities.quantities(pair.text)
        if mention.end <= amount.start < mention.end + 25
        and amount.unit in quantities.IN_MG
        and amount.value * quantities.IN_MG[amount.unit] in known.get((mention.drug.name, "mg"), ())
    ]
    if not candidates:
        return None
    _, amount = chance.choice(candidates)
    return pair, replaced_number(pair, amount.start, amount.value * 10)


def replaced_number(pair: Pair, start: int, value: float) -> Pair:
    rest = re.sub(r"^[\d,.]*\d", f"{value:g}", pair.text[start:])
    return pair._replace(text=pair.text[:start] + rest)


def drug(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """Another drug in the place of one."""
    known = drugs.traces_in(pair.record)
    mentions = [
        mention for mention in drugs.mentions(pair.text) if drugs.is_spoken_of(mention.drug, known)
    ]
    if not mentions:
        return None
    mention = chance.choice(mentions)
    other = chance.choice(sorted(set(drugs.by_name()) - mention.drug.names))
    return pair, pair._replace(text=pair.text[: mention.start] + other + pair.text[mention.end :])


def side(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """Left for right, or the reverse, of a part that the record has on this side."""
    known = frozenset(sides.sided(pair.record))
    matches = [
        match
        for match in sides.SIDED.finditer(pair.text)
        if sides.Sided(match.group(1).lower(), match.group(3).lower()) in known
        and match.group(1).lower() in sides.OPPOSITE
    ]
    if not matches:
        return None
    match = chance.choice(matches)
    other = sides.OPPOSITE[match.group(1).lower()]
    return pair, pair._replace(text=pair.text[: match.start(1)] + other + pair.text[match.end(1) :])


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


def frequency(pair: Pair, chance: random.Random) -> tuple[Pair, Pair] | None:
    """Another frequency in the place of one that the record has for the drug."""
    known = frequencies.by_drug(pair.record)
    words = {1: "once daily", 2: "twice daily", 3: "three times a day", 4: "four times a day"}
    candidates = [
        (frequency, match)
        for frequency, match in zip(
            frequencies.taken(pair.text), frequencies.found(pair.text.lower()), strict=True
        )
        if frequency.drug and frequency.times in known.get(frequency.drug, ())
    ]
    if not candidates:
        return None
    frequency, match = chance.choice(candidates)
    others = sorted(set(words) - {frequency.times})
    start, end = match.span()
    return pair, pair._replace(
        text=pair.text[:start] + words[chance.choice(others)] + pair.text[end:]
    )


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
    "number": number,
    "drug": drug,
    "side": side,
    "tenfold": tenfold,
    "allergy": allergy,
    "frequency": frequency,
    "limit": limit,
    "omission": omission,
    "reference": reference,
    "instructions": instructions,
}
