"""Grounding: numbers, units, drugs, sides and negations of a summary are those of its source."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from assurance.evaluation.rules.phrases import (
    Group,
    Phrase,
    has,
    is_asserted,
    is_negated,
    normal,
    pattern,
)
from assurance.evaluation.rules.quantities import numbers, quantities
from assurance.evaluation.rules.reply import Reply, Score, ScoringRule
from assurance.evaluation.rules.served import shingles

DRUGS = Path(__file__).with_name("drugs.txt")
COPIED = 0.8  # of the runs of eight words
NO_PARTS = frozenset(("and", "are", "for", "had", "has", "side", "the", "was", "with"))
SIDED = re.compile(r"\b(left|right)[ -](\w+)(?: (\w+))?")


class Grounding(ScoringRule):
    """A source, and what a summary of it must get right.

    `all`: the summary has one phrase of each group. `negated`: findings that the source denies;
    `affirmed`: findings that it confirms.
    """

    kind: Literal["grounding"]
    source: Annotated[str, Field(min_length=1)]
    all: tuple[Group, ...] = ()
    negated: tuple[Phrase, ...] = ()
    affirmed: tuple[Phrase, ...] = ()

    def score(self, reply: Reply) -> Score:
        """Return 0 with the reason if something is not in the source, or a fact is missing."""
        text, source = normal(reply.text), normal(self.source)
        if not text:
            return Score(0.0, "empty")
        for reason, is_wrong in (
            ("copied", is_copied(text, source)),
            ("quantity", not set(quantities(text)) <= set(quantities(source))),
            ("number", not numbers(text) <= numbers(source)),
            ("drug", not drugs_in(text) <= drugs_in(source)),
            ("side", has_other_side(text, source)),
            ("negation", self.is_turned(text)),
            ("missing", not all(any(has(phrase, text) for phrase in group) for group in self.all)),
        ):
            if is_wrong:
                return Score(0.0, reason)
        return Score(1.0, "right")

    def is_turned(self, text: str) -> bool:
        """Return whether the summary asserts a denied finding, or denies a confirmed one."""
        return any(is_asserted(phrase, text) for phrase in self.negated) or any(
            is_negated(text, match.start())
            for phrase in self.affirmed
            for match in pattern(phrase).finditer(text)
        )


def is_copied(text: str, source: str) -> bool:
    """Return whether the text has most of the source word for word, which is no summary."""
    runs = shingles(source)
    return bool(runs) and len(runs & shingles(text)) > COPIED * len(runs)


@lru_cache(maxsize=1)
def drugs() -> frozenset[str]:
    """Return the known names of drugs, generic and brand."""
    return frozenset(DRUGS.read_text("utf-8").split())


def drugs_in(text: str) -> set[str]:
    """Return the drugs that a normal text names."""
    return set(re.findall(r"[a-z]+", text)) & drugs()


def has_other_side(text: str, source: str) -> bool:
    """Return whether the text names the other side for a part of the body than the source does."""
    other = {"left": "right", "right": "left"}
    own = set(sided(source))
    return any((s, part) not in own and (other[s], part) in own for s, part in sided(text))


def sided(text: str) -> list[tuple[str, str]]:
    """Return `left` and `right` with each of the two words after them."""
    return [
        (match[1], part)
        for match in SIDED.finditer(text)
        for part in (match[2], match[3])
        if part and len(part) > 2 and part not in NO_PARTS
    ]
