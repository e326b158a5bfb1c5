"""Turn measured values into words for the classifier: `K 7.9` becomes `K 7.9 potassiumveryhigh`.

`measurements.toml` names what is read, with units and bands. Only a few bytes around each number
are read, so the time is proportional to the length of the text.
"""

import re
import tomllib
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

FILE = Path(__file__).with_name("measurements.toml")
BANDS = ("very-low", "low", "normal", "high", "very-high")
ADULT = "adult"
GROUPS = {"newborn": 0.25, "infant": 1.0, "child": 12.0}  # below these years
FRACTION = re.compile(rb"[.,][0-9]{1,3}")
ONLY_DIGITS = bytes(code if 0x30 <= code <= 0x39 else 0x20 for code in range(256))
NAME, NAME_WORDS, AGE, UNIT = 32, 3, 80, 14  # bytes before a number, words, bytes; bytes after it
ENDS = ",;?!\n|"  # a name does not reach over these
# Limits, and the words of the bands between them, which no language has.
Bands: TypeAlias = tuple[Sequence[float], Sequence[bytes]]


class Measurement(NamedTuple):
    """A vital sign or a laboratory value."""

    name: str
    topic: str
    words: Sequence[str]
    units: Mapping[str, tuple[float, float]]
    bands: Mapping[str, Bands]  # by age group
    depends_on_age: bool

    def word_for(self, number: float, unit: str | None, group: str) -> bytes:
        """Return the word of a value; nothing if it is not plausible in any unit."""
        limits, bands = self.bands[group]
        for factor, offset in [self.units[unit]] if unit else self.units.values():
            value = number * factor + offset
            if limits[0] <= value < limits[-1]:
                return bands[bisect_right(limits, value) - 1]
        return b""


class MeasurementTable(NamedTuple):
    """The content of `measurements.toml`, by the words in a text."""

    measurements: Sequence[Measurement]
    by_name: Mapping[bytes, Measurement | None]  # None: the name of something else
    units: Mapping[bytes, str]
    fillers: frozenset[bytes]
    last_words: frozenset[bytes]  # of names, and fillers
    ages: Mapping[bytes, float]  # years in a unit
    young: Mapping[bytes, float]  # years


def fold(code: int) -> str:
    """Return a character of Latin-1 without its accent, a line break for an end, or a blank."""
    base = unicodedata.normalize("NFKD", chr(code).lower())[0]
    if base in ENDS:
        return "\n"
    return base if base.isascii() and (base.isalnum() or base == "'") else " "


FOLDED = "".join(map(fold, range(256))).encode()


def read_table(path: Path = FILE) -> MeasurementTable:
    """Return the table in a file; raise ValueError if it is wrong."""
    table = tomllib.loads(path.read_text("utf-8"))
    rows = [
        read_measurement(name, row, table["units"]) for name, row in table["measurements"].items()
    ]
    names = [(word.encode(), row) for row in rows for word in row.words]
    if len(dict(names)) < len(names):
        raise ValueError(f"{path.name}: a name is there twice.")
    fillers = frozenset(map(str.encode, table["fillers"]))
    return MeasurementTable(
        rows,
        {**dict.fromkeys(map(str.encode, table["ignored"])), **dict(names)},
        {name.encode("latin-1"): unit for unit, known in table["units"].items() for name in known},
        fillers,
        fillers.union(name.split()[-1].rstrip(b"/") for name, _ in names),
        {word.encode(): float(age) for age, words in table["ages"].items() for word in words},
        {word.encode(): float(age) for age, words in table["young"].items() for word in words},
    )


def read_measurement(name: str, row: Mapping[str, Any], units: Mapping[str, Any]) -> Measurement:
    """Return one row; its units must be known, and its bands ascend without overlap."""
    if unknown := sorted(set(row["units"]) - set(units)):
        raise ValueError(f"{name}: unit {unknown[0]!r} is not under [units].")
    bands: dict[str, Bands] = {}
    for group, steps in row["bands"].items():
        limits, words = steps[::2], steps[1::2]
        if group not in (ADULT, *GROUPS) or not set(words) <= set(BANDS):
            raise ValueError(f"{name}: {group!r} is no age group, or has an unknown band.")
        if len(limits) != len(words) + 1 or any(low >= high for low, high in pairwise(limits)):
            raise ValueError(f"{name}: the bands of {group!r} overlap.")
        bands[group] = limits, [f"{name}{word.replace('-', '')}".encode() for word in words]
    for older, group in pairwise((ADULT, *reversed(GROUPS))):
        bands.setdefault(group, bands[older])
    return Measurement(name, row["topic"], row["words"], row["units"], bands, len(row["bands"]) > 1)


measurement_table = cache(read_table)


def mark_measurements(text: bytes) -> bytes:
    """Insert the word of each measured value after its number, in a lower-case Latin-1 text."""
    pieces, start, done = [], 0, 0
    for digits in text.translate(ONLY_DIGITS).split():  # in a fifth of the time of a pattern
        start = text.index(digits, start)
        words = text[max(0, start - NAME) : start].translate(FOLDED).rpartition(b"\n")[2].split()
        if words and words[-1] in measurement_table().last_words:
            end = start + len(digits)
            if fraction := FRACTION.match(text, end):
                end = fraction.end()
            if word := word_for(text, start, end, words):
                pieces += [text[done:end], b" ", word, b" "]
                done = end
        start += len(digits)
    return b"".join([*pieces, text[done:]]) if pieces else text


def word_for(text: bytes, start: int, end: int, words: list[bytes]) -> bytes:
    """Return the word of the number at a place; nothing if it measures nothing in the table."""
    after, table = text[end : end + UNIT], measurement_table()
    measurement = find_named(words, is_pair=after[:1] == b"/" and after[1:2].isdigit())
    if measurement is None or (end - start < 2 and text[start - 1 : start].isalpha()):
        return b""  # `K2` and `T4` are names
    unit = table.units.get(b"".join(after.split(None, 1)[:1]).rstrip(b".,;:)"))
    if unit and unit not in measurement.units:
        return b""
    group = age_group(text[max(0, start - AGE) : start]) if measurement.depends_on_age else ADULT
    return measurement.word_for(float(text[start:end].replace(b",", b".")), unit, group)


def find_named(words: list[bytes], *, is_pair: bool) -> Measurement | None:
    """Return the measurement whose name stands before a number, the longest name first."""
    while words and words[-1] in measurement_table().fillers:
        words.pop()
    for size in range(min(NAME_WORDS, len(words)), 0, -1):
        name = b" ".join(words[-size:]) + b"/" * is_pair
        if name in measurement_table().by_name:
            return measurement_table().by_name[name]
    return None


def age_group(before: bytes) -> str:
    """Return the age group of a patient from the words before a number."""
    words, table = before.translate(FOLDED).split(), measurement_table()
    if not (hints := table.young.keys() & words):
        return ADULT
    pairs = [pair for pair in pairwise(words) if pair[0].isdigit() and pair[1] in table.ages]
    ages = [int(number) * table.ages[unit] for number, unit in pairs]
    age = min(ages or map(table.young.__getitem__, hints))
    return next((group for group, below in GROUPS.items() if age < below), ADULT)
