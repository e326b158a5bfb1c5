"""Grounding: numbers, units, drugs, sides and negations of a summary are those of its source."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from assurance.evaluation.rules.quantities import numbers, quantities
from assurance.evaluation.rules.reply import Score, ScoringRule, normal, shingles

# Not allowed: a phrase of blanks and asterisks is in every text, an empty group in none.
Phrase = Annotated[str, Field(max_length=200, pattern=r"[^\s*]")]
Group = Annotated[tuple[Phrase, ...], Field(min_length=1)]

DRUGS = frozenset(Path(__file__).with_name("drugs.txt").read_text("utf-8").split())
COPIED = 0.8  # of the runs of eight words
LONGEST = 2  # times the source: what is longer is no summary
NO_PARTS = frozenset(("and", "are", "for", "had", "has", "side", "the", "was", "with"))
SIDED = re.compile(r"\b(left|right)[ -](\w+)(?: (\w+))?")
# Words that negate what follows them in a sentence, in English, German and Spanish.
NEGATIONS = (
    *("no", "not", "*n't", "never", "without", "denies", "denied", "negative for", "cannot"),
    *("avoid", "absence of", "free of", "ruled out", "rather than", "instead of", "refuse*"),
    *("kein*", "nicht", "ohne", "nie", "niemals", "verneint", "vermeiden", "statt"),
    *("ningún", "ninguna", "sin", "nunca", "niega", "evite", "en lugar de"),
)
SENTENCE_END = re.compile(r"[.!?;\n]| but | aber | pero ")
CLAUSE_END = re.compile(r"[.!?;\n,:]| but | aber | pero ")
REACH = 60  # characters: a negation further away negates something else


class Grounding(ScoringRule):
    """A source, and what a summary of it must get right.

    `facts`: the summary states one phrase of each group. `denied`: findings that the source denies.
    Case and white space are ignored; `*` at the end of a word stands for any ending.
    """

    kind: Literal["grounding"]
    source: Annotated[str, Field(min_length=1)]
    facts: tuple[Group, ...] = ()
    denied: tuple[Phrase, ...] = ()

    def score(self, reply: str) -> Score:
        """Return 0 with the reason if something is not in the source, or a fact is missing."""
        text, source = normal(reply), normal(self.source)
        if not text:
            return Score(0.0, "empty")
        for reason, is_wrong in (
            ("copied", is_copied(text, source)),
            ("too long", len(text) > LONGEST * len(source)),
            ("quantity", not set(quantities(text)) <= set(quantities(source))),
            ("number", not numbers(text) <= numbers(source)),
            ("drug", not drugs_in(text) <= drugs_in(source)),
            ("side", has_other_side(text, source)),
            ("negation", any(is_stated(phrase, text, SENTENCE_END) for phrase in self.denied)),
            ("missing", not self.has_facts(text)),
        ):
            if is_wrong:
                return Score(0.0, reason)
        return Score(1.0, "right")

    def has_facts(self, text: str) -> bool:
        """Return whether the text states a phrase of every group."""
        return all(
            any(is_stated(phrase, text, CLAUSE_END) for phrase in group) for group in self.facts
        )


@lru_cache(maxsize=4096)
def pattern(phrase: str) -> re.Pattern[str]:
    """Compile a phrase to a regex that matches whole words; `*` matches any ending."""
    words = [re.escape(word).replace(r"\*", r"\w*") for word in normal(phrase).split()]
    start = r"\b" if phrase[0].isalnum() else ""
    end = r"\b" if phrase[-1].isalnum() else ""
    return re.compile(start + r"\s+".join(words) + end)


def is_stated(phrase: str, text: str, end: re.Pattern[str]) -> bool:
    """Return whether a text has the phrase without a negation between it and the last `end`."""
    return any(
        not is_negated(end.split(text[max(0, match.start() - REACH) : match.start()])[-1])
        for match in pattern(phrase).finditer(text)
    )


def is_negated(words: str) -> bool:
    """Return whether these words negate what follows."""
    return any(pattern(negation).search(words) for negation in NEGATIONS)


def is_copied(text: str, source: str) -> bool:
    """Return whether the text has most of the source word for word, which is no summary."""
    runs = shingles(source)
    return bool(runs) and len(runs & shingles(text)) > COPIED * len(runs)


def drugs_in(text: str) -> set[str]:
    """Return the drugs that a normal text names, generic or brand."""
    return set(re.findall(r"[a-z]+", text)) & DRUGS


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
