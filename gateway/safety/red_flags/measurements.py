"""Turn measured values into words for the classifier: `K 7.9` becomes `K 7.9 potassiumveryhigh`.

`measurements.toml` names what is read, with units and bands. Only a few bytes around each number
are read, so the time is proportional to the length of the text.
"""

import re
import tomllib
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache, lru_cache
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

FILE = Path(__file__).with_name("measurements.toml")
ADULT = "adult"
GROUPS = {"newborn": 0.25, "infant": 1.0, "child": 12.0}  # below these years
# A number, the slash before another one (120/80), and its unit, perhaps. `K2` is a name.
NUMBER = re.compile(
    rb"(?<![0-9])(?!(?<=[a-z])[0-9](?![.,]?[0-9]))"
    rb"([0-9]+(?:[.,][0-9]{1,3})?)(?=(/)[0-9])?\s{0,13}(\S{0,14})"
)
DIGITS = b"0123456789"
AGE = 80  # bytes before a number
WORD_END = "(?![a-z0-9'])"
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
    named: re.Pattern[bytes]  # a number with a name before it, in a text that is read backwards
    units: Mapping[bytes, str]
    ages: Mapping[bytes, float]  # years in a unit
    young: Mapping[bytes, float]  # years


def fold(code: int) -> str:
    """Return a character of Latin-1 without its accent, a line break for an end, or a blank."""
    base = unicodedata.normalize("NFKD", chr(code).lower())[0]
    if base in ENDS:
        return "\n"
    return base if base.isascii() and (base.isalnum() or base == "'") else " "


FOLDED = "".join(map(fold, range(256))).encode()


@cache
def measurement_table() -> MeasurementTable:
    table = tomllib.loads(FILE.read_text("utf-8"))
    rows = list(starmap(read_measurement, table["measurements"].items()))
    names = {word.encode(): row for row in rows for word in row.words}
    by_name = {**dict.fromkeys(map(str.encode, table["ignored"])), **names}
    return MeasurementTable(
        rows,
        by_name,
        named_number([name.decode().rstrip("/") for name in by_name], table["fillers"]),
        {name.encode("latin-1"): unit for unit, known in table["units"].items() for name in known},
        {word.encode(): float(age) for age, words in table["ages"].items() for word in words},
        {word.encode(): float(age) for age, words in table["young"].items() for word in words},
    )


def named_number(names: Iterable[str], fillers: Iterable[str]) -> re.Pattern[bytes]:
    """Return the pattern of a number, and of the longest name before it, both backwards."""
    between, known = (alternation({name[::-1] for name in some}) for some in (fillers, names))
    pattern = f"[0-9] *(?:{between}{WORD_END} *)*+({known}){WORD_END}"
    return re.compile(pattern.encode())


def alternation(words: Set[str]) -> str:
    """Return a pattern of words, the longest first, that tries each letter once."""
    rests: dict[str, set[str]] = defaultdict(set)
    for word in filter(None, words):
        rests[word[0]].add(word[1:])
    ways = (letter.replace(" ", " +") + alternation(rests[letter]) for letter in sorted(rests))
    return f"(?:{'|'.join(ways)}){'?' * ('' in words)}" if rests else ""


def read_measurement(name: str, row: Mapping[str, Any]) -> Measurement:
    bands: dict[str, Bands] = {
        group: (steps[::2], [f"{name}{word.replace('-', '')}".encode() for word in steps[1::2]])
        for group, steps in row["bands"].items()
    }
    for older, group in pairwise((ADULT, *reversed(GROUPS))):
        bands.setdefault(group, bands[older])
    return Measurement(name, row["topic"], row["words"], row["units"], bands, len(row["bands"]) > 1)


def mark_measurements(text: bytes) -> bytes:
    """Insert the word of each measured value after its number, in a lower-case Latin-1 text."""
    if len(text.translate(None, DIGITS)) == len(text):
        return text
    table, folded, last = measurement_table(), text.translate(FOLDED), len(text) - 1
    pieces: list[bytes] = []  # the last first
    rest = len(text)
    for named in table.named.finditer(folded[::-1]):
        if not (number := NUMBER.match(text, last - named.start())):
            continue
        unit = table.units.get(number[3].rstrip(b".,;:)"))
        if words := words_for(named[1], number[1], number[2] or b"", unit):
            start, end = number.span(1)
            group = ADULT if len(words) == 1 else age_group(folded[max(0, start - AGE) : start])
            pieces += text[end:rest], words[group]
            rest = end
    return b"".join([text[:rest], *reversed(pieces)]) if pieces else text


@lru_cache(1024)  # of names, numbers and units alone: nothing else of a text stays
def words_for(
    backwards: bytes, digits: bytes, slash: bytes, unit: str | None
) -> Mapping[str, bytes]:
    """Return the words of a number after a name, by age group; none without a meaning."""
    measurement = find_named(backwards[::-1].split(), slash)
    if measurement is None or (unit and unit not in measurement.units):
        return {}
    number = float(digits.replace(b",", b"."))
    groups = measurement.bands if measurement.depends_on_age else [ADULT]
    words = {group: measurement.word_for(number, unit, group) for group in groups}
    return {group: b" %b " % word if word else b"" for group, word in words.items()}


def find_named(words: Sequence[bytes], slash: bytes) -> Measurement | None:
    """Return the measurement with a name; if only its last words are a name, with theirs."""
    by_name = measurement_table().by_name
    names = (b" ".join(words[first:]) + slash for first in range(len(words)))
    return next((by_name[name] for name in names if name in by_name), None)


def age_group(before: bytes) -> str:
    """Return the age group of a patient from the folded words before a number."""
    words, table = before.split(), measurement_table()
    if not (hints := table.young.keys() & words):
        return ADULT
    pairs = [pair for pair in pairwise(words) if pair[0].isdigit() and pair[1] in table.ages]
    ages = [int(number) * table.ages[unit] for number, unit in pairs]
    age = min(ages or map(table.young.__getitem__, hints))
    return next((group for group, below in GROUPS.items() if age < below), ADULT)
