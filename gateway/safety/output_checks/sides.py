"""Left and right: a side of a body part that a document has on the other side only."""

import re
from collections.abc import Iterator
from typing import NamedTuple

PARTS = (
    "knee|hip|shoulder|elbow|wrist|ankle|hand|foot|arm|leg|thigh|calf|eye|ear|lung|kidney|breast|"
    "ovary|testicle|testis|hemisphere|ventricle|atrium|carotid|groin|flank|toe|finger|thumb|heel|"
    "forearm|hemithorax|pleura|temple|cheek|jaw|neck|buttock|femur|tibia|humerus|lobe|nostril|chest|"
    "abdomen|quadrant|side|lower extremity|upper extremity|lower leg|upper arm"
)
# Words that may stand between: "left upper lobe", "right great toe", "the left, the bad knee".
SIDED = re.compile(
    rf"\b(left|right|lt|rt|l|r|bilateral|both)[ -]"
    rf"(?:sided )?((?:[a-z]{{1,20}}[ -]){{0,2}}?)({PARTS})s?\b"
)
SHORT = {"l": "left", "lt": "left", "r": "right", "rt": "right"}
OPPOSITE = {"left": "right", "right": "left"}
BOTH = ("bilateral", "both")


class Sided(NamedTuple):
    """A body part with its side."""

    side: str
    part: str


def sided(text: str) -> Iterator[Sided]:
    """Yield every body part that is named with a side; of "both knees", each."""
    for part in named(text):
        if part.side in BOTH:
            yield from (Sided(side, part.part) for side in OPPOSITE)
        else:
            yield part


def named(text: str) -> Iterator[Sided]:
    """Yield every body part with its side as it is written."""
    for side, _, part in SIDED.findall(text.lower()):
        yield Sided(SHORT.get(side, side), part)


def is_swapped(one: Sided, known: frozenset[Sided]) -> bool:
    """Return whether a document has this part on the other side, and not on this one."""
    return (
        one.side in OPPOSITE and one not in known and Sided(OPPOSITE[one.side], one.part) in known
    )
