"""Find numbers with units in a text, and convert them to one unit for each dimension."""

import re
from collections.abc import Iterator
from typing import Final

MASS: Final = {
    "kg": 1e6,
    **dict.fromkeys(("g", "grams"), 1e3),
    **dict.fromkeys(("mg", "milligram", "milligrams"), 1.0),
    **dict.fromkeys(("mcg", "ug", "µg", "μg", "microgram", "micrograms"), 1e-3),
}
# Unit -> (dimension, factor). What follows a slash makes it another dimension: mg/kg, mg/dl.
UNITS: Final = {
    **{name: ("mass", factor) for name, factor in MASS.items()},
    "l": ("volume", 1e3),
    "ml": ("volume", 1.0),
    **dict.fromkeys(("units", "unit", "iu"), ("units", 1.0)),
    **{name: (name, 1.0) for name in ("mmol", "meq", "mmhg", "bpm", "%", "°c", "cm", "mm")},
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
