"""Find numbers with units in a text, and convert them to one unit for each dimension."""

import re
from collections.abc import Iterator
from typing import Final

# Unit -> (dimension, factor). What follows a slash makes it another dimension: mg/kg, mg/dl.
UNITS: Final = {
    "kg": ("mass", 1e6),
    "g": ("mass", 1e3),
    "mg": ("mass", 1.0),
    "mcg": ("mass", 1e-3),
    "ug": ("mass", 1e-3),
    "µg": ("mass", 1e-3),
    "μg": ("mass", 1e-3),
    "micrograms": ("mass", 1e-3),
    "microgram": ("mass", 1e-3),
    "milligrams": ("mass", 1.0),
    "milligram": ("mass", 1.0),
    "grams": ("mass", 1e3),
    "l": ("volume", 1e3),
    "ml": ("volume", 1.0),
    "units": ("units", 1.0),
    "unit": ("units", 1.0),
    "iu": ("units", 1.0),
    "mmol": ("mmol", 1.0),
    "meq": ("meq", 1.0),
    "mmhg": ("mmhg", 1.0),
    "bpm": ("bpm", 1.0),
    "%": ("%", 1.0),
    "°c": ("°c", 1.0),
    "cm": ("cm", 1.0),
    "mm": ("mm", 1.0),
}
NAMES: Final = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
NUMBER: Final = r"(?<![\w.,])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
# For casefolded text: re.IGNORECASE would match a dotless i, which is in no unit.
QUANTITY: Final = re.compile(rf"{NUMBER}[\s-]?({NAMES})(/[a-zμ]+)?(?![\w])")
PLAIN: Final = re.compile(rf"{NUMBER}(?![\w])")
Quantity = tuple[str, float]


def quantities(text: str) -> Iterator[Quantity]:
    """Yield (dimension, value) of every number with a unit; mass in mg, volume in ml."""
    for match in QUANTITY.finditer(text.casefold()):
        dimension, factor = UNITS[match[2]]
        yield dimension + (match[3] or ""), round(parse_number(match[1]) * factor, 9)


def numbers(text: str) -> set[float]:
    """Return every number that stands by itself."""
    return {parse_number(match[1]) for match in PLAIN.finditer(text)}


def parse_number(written: str) -> float:
    """Read `1,000`, `0.5` and `0,5`."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", written):
        return float(written.replace(",", ""))
    return float(written.replace(",", "."))
