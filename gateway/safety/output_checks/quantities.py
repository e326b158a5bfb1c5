"""Numbers with units, and every number that a document says in digits or in words."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.safety.output_checks.words import around, words_of

UNITS = (
    "mg/kg|mcg/kg|g/kg|mg/dl|g/dl|g/l|ng/ml|mmol/l|meq/l|"
    "mg|mcg|µg|μg|ug|micrograms?|milligrams?|grams?|g|kg|kilograms?|lbs?|pounds?|ml|milliliters?|"
    "millilitres?|cc|l|liters?|litres?|units?|iu|mmol|meq|mmhg|bpm|"
    "cm|mm|years?|months?|weeks?|days?|hours?|minutes?|degrees?|percent"
)
# In milligrams.
IN_MG: Mapping[str, float] = {
    **dict.fromkeys(("mg", "milligram", "milligrams"), 1.0),
    **dict.fromkeys(("mcg", "µg", "μg", "ug", "microgram", "micrograms"), 0.001),
    **dict.fromkeys(("g", "gram", "grams"), 1000.0),
}
IN_DAYS: Mapping[str, float] = {
    unit + plural: days
    for unit, days in (
        ("hour", 1 / 24),
        ("day", 1.0),
        ("week", 7.0),
        ("month", 30.0),
        ("year", 365.0),
    )
    for plural in ("", "s")
}
NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
# Linear in `re`: what may stand before a number leaves one place to begin at. It is looked at
# behind the first digit: a pattern that begins with a digit skips all other places.
BEGUN = r"\d(?<![\w.,/-]\d)\d*(?:,\d{3})*(?:\.\d+)?"
QUANTITY = re.compile(rf"(?i)({BEGUN})[ -]?({UNITS}|%)(?!\w)")
MASS = re.compile(rf"(?i)({BEGUN})[ -]?({'|'.join(IN_MG)})(?![\w/])")
TIME = re.compile(rf"(?i)({BEGUN})[ -]?({'|'.join(IN_DAYS)})(?!\w)")
# The amount of a day rather than of one dose.
A_DAY = re.compile(
    r"(?i)[ ,(]{0,2}(?:a day|per day|/ ?day|daily|in (?:two|three|total|divided)|total)"
)
TOTAL = re.compile(r"(?i)total(?: of)? ?$")
DECIMAL = re.compile(
    r"\d(?<![\w.,/-]\d)\d{0,5}\.\d{1,4}(?![\d/]|[./%]\w|[ -]?(?:" + UNITS + r"|%|°)(?!\w))"
)
# Values that are told apart by their name and have no unit: a blood pressure, a pulse, a potassium.
LABELLED = re.compile(
    r"(?i)\b(?:bp|blood pressure|hr|heart rate|pulse|rr|respiratory rate|sats?|spo2|gcs|inr|hb|"
    r"h(?:a)?emoglobin|na|sodium|k|potassium|creatinine|crp|wbc|wcc|platelets|urea|egfr|lactate|"
    r"glucose|troponin|hba1c|temp(?:erature)?|ph)\b(?: (?:of|was|is|at|level)| ?[:=])? "
    r"?(\d{1,6}(?:\.\d{1,3})?)(?:/(\d{2,3}))?(?![\w/-])"
)
# One of these words is in every such value.
LABELS = frozenset(
    words_of(
        "bp pressure hr rate pulse rr sat sats spo2 gcs inr hb haemoglobin hemoglobin na sodium k "
        "potassium creatinine crp wbc wcc platelets urea egfr lactate glucose troponin hba1c temp "
        "temperature ph "
    )
)
LONGEST_LABEL = 50
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
BETWEEN = r"(?:[ -]{1,3}(?:and )?(?:a )?| ?\. ?)"
SPOKEN_TIME = re.compile(rf"\b(a|{ONE_WORD})[ -]({'|'.join(IN_DAYS)})\b")
SPOKEN = re.compile(rf"\b(?:{ONE_WORD})(?:{BETWEEN}(?:{ONE_WORD}))*\b")
NO_NUMBER = ("and", "a")
SCALES = (1000.0, 0.001)  # 0.5 l is 500 ml
# What a number of this unit may be in another.
FACTORS: Mapping[str, tuple[float, ...]] = {
    "hour": (60.0,),
    "minute": (1 / 60,),
    "cm": (10.0,),
    "mm": (0.1,),
}
LONGEST_TIME = 20
MOST_WORDS = 8  # of one spoken number
LB_PER_KG = 2.2046
NEARLY = 0.1  # two months are 8 weeks
LONGEST = 400.0  # days; an age in years is exact


class Quantity(NamedTuple):
    """A number with its unit, and where it stands."""

    value: float
    unit: str
    start: int
    end: int
    is_of_a_day: bool


class Known(NamedTuple):
    """The numbers of a document: those without such a unit, masses in milligrams, times in days."""

    numbers: frozenset[float] = frozenset()
    masses: frozenset[float] = frozenset()
    days: frozenset[float] = frozenset()


def quantities(text: str) -> Iterator[Quantity]:
    """Yield every number with a unit."""
    for match in QUANTITY.finditer(text):
        is_of_a_day = A_DAY.match(text, match.end()) or TOTAL.search(
            text, max(0, match.start() - 10), match.start()
        )
        yield Quantity(value_of(match[1]), match[2].lower(), *match.span(), bool(is_of_a_day))


def labelled(text: str) -> Iterator[float]:
    """Yield the values without a unit that have a name or decimals."""
    yield from (value_of(match[0]) for match in DECIMAL.finditer(text))
    for match in around(LABELLED, text.lower(), LABELS, LONGEST_LABEL):
        yield from (value_of(digits) for digits in match.groups() if digits)


def known(text: str) -> Known:
    """Return the numbers of a document."""
    masses, days = (
        frozenset(round(value_of(match[1]) * factors[match[2].lower()], 6) for match in matches)
        for matches, factors in ((MASS.finditer(text), IN_MG), (TIME.finditer(text), IN_DAYS))
    )
    spoken = (
        round(WORDS.get(match[1], 1) * IN_DAYS[match[2]], 6)
        for match in around(SPOKEN_TIME, text.lower(), IN_DAYS, LONGEST_TIME)
    )
    return Known(numbers(TIME.sub(" ", MASS.sub(" ", text))), masses, days.union(spoken))


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


def is_grounded(quantity: Quantity, document: Known) -> bool:
    """Return whether a document has the number, also in another unit of the same kind."""
    value, unit = quantity.value, quantity.unit
    if unit in IN_MG and round(value * IN_MG[unit], 6) in document.masses:
        return True
    if value in document.numbers:
        return True
    if unit in IN_MG:
        return quantity.is_of_a_day and is_a_days_dose(quantity, document)
    if unit in IN_DAYS and is_time(value * IN_DAYS[unit], document.days):
        return True
    factors = FACTORS.get(unit.removesuffix("s"), SCALES)
    return any(round(value * factor, 6) in document.numbers for factor in factors) or is_weight(
        quantity, document
    )


def is_a_days_dose(quantity: Quantity, document: Known) -> bool:
    """Return whether a mass is two to four times a single dose: 1 g a day is 500 mg twice."""
    milligrams = quantity.value * IN_MG[quantity.unit]
    return any(round(milligrams / times, 6) in document.masses for times in (2, 3, 4))


def is_time(days: float, known_days: frozenset[float]) -> bool:
    """Return whether a time is known, exactly or, of months, in weeks or days."""
    if round(days, 6) in known_days:
        return True
    return days < LONGEST and any(
        abs(days - day) < NEARLY * day and 0 in (days % IN_DAYS["month"], day % IN_DAYS["month"])
        for day in known_days
    )


def is_weight(quantity: Quantity, document: Known) -> bool:
    """Return whether a document has this weight in pounds, or in kilograms."""
    value = quantity.value
    converted = {"kg": value * LB_PER_KG, "lb": value / LB_PER_KG, "lbs": value / LB_PER_KG}
    weight = converted.get(quantity.unit)
    return weight is not None and any(abs(weight - number) < 1 for number in document.numbers)
