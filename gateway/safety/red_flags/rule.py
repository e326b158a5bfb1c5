"""The parts of a red-flag rule."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Up to six words between two signs, none of them a negation ("lips are not swollen"), in any of the
# languages. Both kinds of run are bounded: linear time, whatever the text.
NEGATION = (
    r"(?:not|no|without|never|den(?:y|ies|ied)|(?:is|are|was|does|do|did|has|have)n|kein\w*|nicht|"
    r"ohne|sin|niega)\b"
)
BETWEEN = rf"\W{{1,5}}(?:(?!{NEGATION})\w{{1,30}}\W{{1,5}}){{0,6}}?"

# Letters with marks, as people type them in a hurry: without the mark, or spelt out.
TYPED: Mapping[str, str] = {
    **{marked: bare for marked, bare in zip("áéíóúñ", "aeioun", strict=True)},
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
}
EITHER = str.maketrans({marked: f"(?:{marked}|{bare})" for marked, bare in TYPED.items()})
# A fever, for the rules that need one.
FEVER = (
    r"fevers?|feverish|febrile|pyrexi\w*|"
    r"t(?:emp(?:erature)?)?(?: is| of| was| at|=|:)* ?(?:3[89]|4[0-2])(?:[.,]\d)?|"
    r"(?:3[89]|4[0-2])[.,]\d ?(?:°|c|degrees)|10[1-6](?:\.\d)? ?(?:°|f|degrees)"
)

FEVER_DE = (
    r"\w*fieber\w*|febril\w*|t(?:emp(?:eratur)?)? ?(?:3[89]|4[0-2])(?:[.,]\d)?|"
    r"(?:3[89]|4[0-2])[.,]\d ?(?:°|grad)|thermometer (?:\w+ ){0,2}(?:3[89]|4[0-2])[.,]\d"
)
FEVER_ES = (
    r"fiebre|febril|temperatura de (?:3[89]|4[0-2])|(?:3[89]|4[0-2])[.,]\d ?(?:°|grados)|"
    r"termómetro (?:\w+ ){0,2}(?:3[89]|4[0-2])[.,]\d"
)

Pair = tuple[re.Pattern[str], re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Signs:
    """One language's patterns of a rule, over lower-case text.

    `strong`: indicates an emergency by itself.
    `weak`: does so only in a sentence about a person (a case, not a subject).
    `together`: pairs of signs that indicate an emergency within a few sentences.
    """

    strong: re.Pattern[str] | None
    weak: re.Pattern[str] | None
    together: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A red flag: its id, its name, the notice's message, its signs by language."""

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
    """Join patterns into one, at word boundaries."""
    return re.compile(r"\b(?:" + spelled("|".join(patterns)) + r")\b")


def near(left: str, right: str) -> str:
    """Return a pattern of two signs in either order with a few words between."""
    return f"(?:{left}){BETWEEN}(?:{right})|(?:{right}){BETWEEN}(?:{left})"


def spelled(pattern: str) -> str:
    """Return a pattern that matches either spelling; no class of it may have a marked letter."""
    return pattern.translate(EITHER)
