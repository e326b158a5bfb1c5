"""Vital signs and laboratory values in a text, read as numbers against limits by age.

"BP 80/40", "sats 84 RA", "K 7.9", "temp 100.4" in an infant of two weeks. A value that is compared
("lactate > 4"), negated or past is nobody's value now. Limits and their sources: vital_signs.toml.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import re2

from gateway.safety.red_flags.context import status
from gateway.safety.red_flags.sentences import normal, sentences_of

TABLE = tomllib.loads(Path(__file__).with_name("vital_signs.toml").read_text("utf-8"))
LIMITS: Mapping[str, Mapping[str, Mapping[str, float]]] = TABLE["limits"]
PLAUSIBLE: Mapping[str, tuple[float, float]] = TABLE["plausible"]

# Between a name and its number: "is", "of", ":"; never a comparison.
LINK = r"(?:\s(?:is|was|of|at|now|de|à|a|auf|von|um)|\s?[:=~]){0,2}\s{0,2}"
VALUE = r"(\d{1,4}(?:[.,]\d{1,2})?)(?:\s?/\s?(\d{2,3}))?"
SIGNS = {
    sign: re.compile(
        rf"(?<![\w.])(?:{'|'.join(names)}){LINK}{VALUE}(?![\d/]|\s?(?:years?|weeks?|mg\b|tage|jahre))"
    )
    for sign, names in TABLE["names"].items()
}
# A temperature by its unit, or by its height and its decimal.
DEGREES = re.compile(
    r"(?<![\w.])(?:(\d{2,3}(?:[.,]\d)?)(?=\s?(?:°|degrees|grad\b|grados|degrés|[cf]\b))|"
    r"((?:3[89]|4[0-2]|10[0-6])[.,]\d)(?!\d))"
)
# Some sign, some number: what most texts have not, found without a look at each sign.
NAMES = "|".join(name for names in TABLE["names"].values() for name in names)
ANY = re2.compile(rf"(?i)\b(?:{NAMES})[^\d\n]{{0,12}}\d|\d ?(?:°|degrees|gra|c\b|f\b)|\d\d[.,]\d")

AGE = re.compile(
    r"\b(\d{1,3})[\s-]?(days?|d|tage?|días?|jours?|weeks?|wks?|wochen?|semanas?|semaines?|"
    r"months?|mo|monate?|mes(?:es)?|mois|years?|yrs?|yo|y/o|y|jahre?|j|años?|ans|m|f)\b"
    r"(?!\s?(?:pregnant|schwanger|embaraz|enceinte|gestation|ago|history))"
)
FRACTION = re.compile(r"\b(\d{1,2})/(7|52|12)\b")
NEWBORN = re.compile(
    r"\b(?:newborn|neonate?|neugeborene\w*|reci[ée]n nacid[oa]|nouveau-n[ée]|neonato)\b"
)
PREGNANT = re.compile(
    r"\b(?:pregnan\w*|schwanger\w*|ssw|embaraz\w*|enceinte|eclampsi\w*|/40|\d\d sa)\b"
)
FIRST_YEARS = (("newborn", 0.25), ("infant", 1), ("toddler", 5), ("child", 12))
YEARS = {
    "d": 1 / 365,
    "t": 1 / 365,
    "w": 1 / 52,
    "s": 1 / 52,
    "7": 1 / 365,
    "52": 1 / 52,
    "12": 1 / 12,
}


class Reading(NamedTuple):
    """A sign's number in a text, and where it is."""

    sign: str
    value: float
    start: int
    end: int


def is_critical(text: str) -> bool:
    """Return whether a text reports a value beyond the limits for the age that it names."""
    if not ANY.search(text.encode(errors="replace")):
        return False
    whole = normal(text)
    group, is_pregnant = age_group(whole), PREGNANT.search(whole) is not None
    return any(
        is_beyond(one, group, is_pregnant=is_pregnant)
        and status(sentence, one.start, one.end) == "present"
        for sentence in sentences_of(whole)
        for one in readings(sentence)
    )


def readings(sentence: str) -> Iterator[Reading]:
    """Return the signs of a normalised sentence with their numbers."""
    for sign, pattern in SIGNS.items():
        for found in pattern.finditer(sentence):
            if is_own(sign, found):
                yield from reading(sign, found)
    for found in DEGREES.finditer(sentence):
        yield from reading("temperature", found)


def is_own(sign: str, found: re.Match[str]) -> bool:
    """Return whether a match is this sign's: "RR 80/40" is a German blood pressure, and "RR 40" an
    English breathing rate."""
    is_pair = found[2] is not None
    if sign == "systolic":
        return is_pair or not found[0].startswith("rr")
    return not is_pair


def reading(sign: str, found: re.Match[str]) -> Iterator[Reading]:
    """Return the reading of a match, in the unit of the limits, unless it cannot be one."""
    value = float((found[1] or found[2]).replace(",", "."))
    low, high = PLAUSIBLE[sign]
    if low <= value <= high:
        yield Reading(sign, celsius(value) if sign == "temperature" else value, *found.span())


def celsius(value: float) -> float:
    """Return a temperature in degrees Celsius; only Fahrenheit goes over 50 in a living body."""
    return value if value < 50 else round((value - 32) / 1.8, 1)


def is_beyond(one: Reading, group: str, *, is_pregnant: bool) -> bool:
    """Return whether a reading is critical in an age group."""
    if one.sign == "glucose" and (30 <= one.value <= 54 or one.value >= 600):
        return True  # mmol/l on the left, mg/dl on the right: critical in either unit
    limits = LIMITS[group].get(one.sign) or LIMITS["adult"][one.sign]
    high = limits.get("high", float("inf"))
    if is_pregnant:
        high = LIMITS["pregnant"].get(one.sign, {}).get("high", high)
    return one.value <= limits.get("low", float("-inf")) or one.value >= high


def age_group(text: str) -> str:
    """Return the age group that a normalised text names; an adult where it names none."""
    if NEWBORN.search(text):
        return "newborn"
    found = AGE.search(text)
    fraction = FRACTION.search(text)
    if found and found[2][0] not in "mf":
        unit = YEARS.get(found[2][0], 1.0)
    elif found and found[2] not in ("m", "f"):
        unit = 1 / 12
    elif fraction:
        found, unit = fraction, YEARS[fraction[2]]
    else:
        return "adult"
    years = int(found[1]) * unit
    return next((name for name, under in FIRST_YEARS if years < under), "adult")
