"""What one red-flag rule is made of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.safety.red_flags.spelling import spelled

# Up to six words between two signs, none of them a negation ("lips are not swollen"), in any of the
# languages. Both kinds of run are bounded: linear time, whatever the text.
NEGATION = (
    r"(?:not|no|without|never|den(?:y|ies|ied)|(?:is|are|was|does|do|did|has|have)n|kein\w*|nicht|"
    r"ohne|sin|niega)\b"
)
BETWEEN = rf"\W{{1,5}}(?:(?!{NEGATION})\w{{1,30}}\W{{1,5}}){{0,6}}?"


Pair = tuple[re.Pattern[str], re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Signs:
    """One language's patterns of a rule, over lower-case text.

    `strong`: speaks of a present emergency by itself.
    `weak`: does so only in a sentence about a person (a case, not a subject).
    `together`: pairs of signs that mean an emergency when both are near each other.
    """

    strong: re.Pattern[str] | None
    weak: re.Pattern[str] | None
    together: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A red flag: its id, its name, the sentence that goes with it, its signs by language."""

    id: str
    summary: str
    message: str  # with {contact}
    signs: Mapping[str, Signs]


def signs(
    *,
    strong: tuple[str, ...] = (),
    weak: tuple[str, ...] = (),
    together: tuple[tuple[str, str], ...] = (),
) -> Signs:
    """Compile a language's patterns: regular expressions that start and end at a word."""
    pairs = tuple((one_of((left,)), one_of((right,))) for left, right in together)
    return Signs(one_of(strong) if strong else None, one_of(weak) if weak else None, pairs)


def one_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern out of many, at word boundaries."""
    return re.compile(r"\b(?:" + spelled("|".join(patterns)) + r")\b")


def near(left: str, right: str) -> str:
    """Two signs in either order with a few words between."""
    return f"(?:{left}){BETWEEN}(?:{right})|(?:{right}){BETWEEN}(?:{left})"
