"""Numbers with units, and every number that a document says in digits or in words."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import re2

UNITS = (
    "mg|mcg|µg|μg|ug|micrograms?|milligrams?|grams?|g|kg|kilograms?|lbs?|pounds?|ml|milliliters?|"
    "millilitres?|cc|l|liters?|litres?|units?|iu|mmol/l|mmol|meq/l|meq|mg/dl|g/dl|ng/ml|mmhg|bpm|"
    "cm|mm|mg/kg|mcg/kg|years?|months?|weeks?|days?|hours?|minutes?|degrees?|percent"
)
NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
# Linear in `re`: what may stand before a number leaves one place to begin at. It is looked at
# behind the first digit: a pattern that begins with a digit skips all other places.
BEGUN = r"\d(?<![\w.,/-]\d)\d*(?:,\d{3})*(?:\.\d+)?"
QUANTITY = re.compile(rf"(?i)({BEGUN})[ -]?({UNITS}|%)(?!\w)")
ANY_NUMBER = re.compile(NUMBER, re.ASCII)
ONES = tuple(
    [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ]
)
TENS = tuple("twenty thirty forty fifty sixty seventy eighty ninety".split())  # noqa: SIM905 - as above
OTHERS = {"half": 0.5, "couple": 2, "once": 1, "twice": 2, "first": 1, "second": 2, "dozen": 12}
WORDS: dict[str, float] = {
    **{word: number for number, word in enumerate(ONES)},
    **{word: 10 * number for number, word in enumerate(TENS, start=2)},
    **OTHERS,
    "hundred": 100,
    "thousand": 1000,
    "oh": 0,
    "point": 0,
}
ONE_WORD = "|".join(WORDS)
# "two and a half", and a dictated "two . five".
BETWEEN = r"(?:[ -]+(?:and )?(?:a )?| ?\. ?)"
SPOKEN = re2.compile(rf"\b(?:{ONE_WORD})(?:{BETWEEN}(?:{ONE_WORD}))*\b")
NO_NUMBER = ("and", "a")
SCALES = (1000.0, 0.001)  # 0.5 g is 500 mg
MOST_WORDS = 8  # of one spoken number
LB_PER_KG = 2.2046


class Quantity(NamedTuple):
    """A number with its unit, and where it stands."""

    value: float
    unit: str
    start: int


def quantities(text: str) -> Iterator[Quantity]:
    """Yield every number with a unit."""
    for found in QUANTITY.finditer(text):
        yield Quantity(value_of(found[1]), found[2].lower(), found.start())


def numbers(text: str) -> frozenset[float]:
    """Return every number of a text, in digits or in words."""
    digits = set(map(value_of, set(ANY_NUMBER.findall(text))))
    return frozenset(digits.union(*map(spoken_numbers, set(SPOKEN.findall(text.lower())))))


def value_of(digits: str) -> float:
    return float(digits.replace(",", ""))


def spoken_numbers(phrase: str) -> set[float]:
    """Return what a phrase of number words may say: "one twenty" is 120, and 1, and 20."""
    words = phrase.replace("-", " ").replace(".", " point ").split()
    words = [word for word in words if word not in NO_NUMBER][:MOST_WORDS]
    return {
        reading
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
        for reading in readings(words[start:end])
    }


def readings(words: list[str]) -> Iterator[float]:
    """Yield the number that some words are, read as one; none where they are none."""
    if "point" in words:
        at = words.index("point")
        digits = [WORDS[word] for word in words[at + 1 :]]
        if digits and all(digit < 10 for digit in digits):
            fraction = "".join(f"{digit:.0f}" for digit in digits)
            yield from (float(f"{whole:.0f}.{fraction}") for whole in readings(words[:at]))
        return
    total = 0.0
    for word in words:
        if word in ("hundred", "thousand"):
            total = (total or 1) * WORDS[word]
        elif word in TENS and 0 < total < 20:  # "one twenty"
            total = total * 100 + WORDS[word]
        else:
            total += WORDS[word]
    yield total


def is_grounded(quantity: Quantity, known: frozenset[float]) -> bool:
    """Return whether a document has the number, also in a unit a thousand times larger or smaller,
    or as the weight in pounds."""
    value = quantity.value
    if value in known or any(round(value * scale, 6) in known for scale in SCALES):
        return True
    converted = {"kg": value * LB_PER_KG, "lb": value / LB_PER_KG, "lbs": value / LB_PER_KG}
    weight = converted.get(quantity.unit)
    return weight is not None and any(abs(weight - one) < 1 for one in known)
