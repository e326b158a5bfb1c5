"""Phrases: an answer says one of each group of them, and none of those it must not say."""

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from assurance.evaluation.rules.reply import Reply, Score, ScoringRule

# One of blanks and asterisks alone would be in every answer, a group without one in none.
Phrase = Annotated[str, Field(max_length=200, pattern=r"[^\s*]")]
Group = Annotated[tuple[Phrase, ...], Field(min_length=1)]


class Phrases(ScoringRule):
    """Case and white space do not count; `*` at a word's end stands for its endings.

    A phrase of `all` or `none` counts where its sentence neither negates it nor is a question: "no
    ambulance is needed" says no ambulance. One of `about` counts in any form.
    """

    kind: Literal["phrases"]
    all: tuple[Group, ...] = ()
    none: tuple[Phrase, ...] = ()
    about: tuple[Group, ...] = ()

    def score(self, reply: Reply) -> Score:
        """Return 0 with what was missing or forbidden; an empty answer is wrong."""
        text = normal(reply.text)
        if not text:
            return Score(0.0, "empty")
        if not (self.all or self.none or self.about):
            return Score(None, "compared only")
        if any(is_asserted(phrase, text) for phrase in self.none):
            return Score(0.0, "forbidden")
        is_said = all(any(is_asserted(phrase, text) for phrase in group) for group in self.all)
        if not (
            is_said and all(any(has(phrase, text) for phrase in group) for group in self.about)
        ):
            return Score(0.0, "missing")
        return Score(1.0, "right")


# English, German and Spanish words that turn what follows them in the same sentence around.
NEGATIONS = (
    *("no", "not", "*n't", "never", "without", "denies", "denied", "negative for", "cannot"),
    *("avoid", "absence of", "free of", "ruled out", "rather than", "instead of", "refuse*"),
    *("kein*", "nicht", "ohne", "nie", "niemals", "verneint", "vermeiden", "statt"),
    *("ningún", "ninguna", "sin", "nunca", "niega", "evite", "en lugar de"),
)
SENTENCE_END = re.compile(r"[.!?;\n]| but | aber | pero ")
# Behind a phrase: "... is not needed", and the end of a question.
NOT_SAID = re.compile(
    r"[^.!?;\n]{0,60}(?:\?|(?:\bnot|n't|\bnicht|\bno) (?:\w+ )?"
    r"(?:needed|necessary|required|warranted|nötig|notwendig|erforderlich|necesari[oa]|hace falta)|"
    r"\bunnecessary|\bunnötig|\binnecesari[oa])"
)
REACH = 60  # characters: a negation further away belongs to something else


def normal(text: str) -> str:
    """Return a text in lower case, with single spaces and plain apostrophes."""
    return re.sub(r"\s+", " ", text.casefold().replace("\u2019", "'")).strip()


@lru_cache(maxsize=4096)
def pattern(phrase: str) -> re.Pattern[str]:
    """Compile a phrase: whole words, `*` for endings."""
    words = [re.escape(word).replace(r"\*", r"\w*") for word in normal(phrase).split()]
    start = r"\b" if phrase[0].isalnum() else ""
    end = r"\b" if phrase[-1].isalnum() else ""
    return re.compile(start + r"\s+".join(words) + end)


def has(phrase: str, text: str) -> bool:
    """Return whether a normal text has the phrase."""
    return pattern(phrase).search(text) is not None


def is_asserted(phrase: str, text: str) -> bool:
    """Return whether the phrase is said somewhere: not negated, dismissed or asked."""
    return any(
        not (is_negated(text, match.start()) or NOT_SAID.match(text, match.end()))
        for match in pattern(phrase).finditer(text)
    )


def is_negated(text: str, at: int) -> bool:
    """Return whether a negation stands before this place, in its sentence and near enough."""
    before = text[max(0, at - REACH) : at]
    sentence = SENTENCE_END.split(before)[-1]
    return any(has(negation, sentence) for negation in NEGATIONS)
