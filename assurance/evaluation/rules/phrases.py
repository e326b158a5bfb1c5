"""Score an answer by phrases that it must contain, and phrases that it must not contain."""

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from assurance.evaluation.rules.reply import Reply, Score, ScoringRule, verdict

# Not allowed: a phrase of blanks and asterisks matches every answer, an empty group matches none.
Phrase = Annotated[str, Field(max_length=200, pattern=r"[^\s*]")]
Group = Annotated[tuple[Phrase, ...], Field(min_length=1)]


class Phrases(ScoringRule):
    """A right answer has a phrase of each group in `all` and `about`, and no phrase of `none`.

    Case and white space are ignored; `*` at the end of a word stands for any ending. A phrase of
    `all` or `none` is ignored if its sentence negates it ("no ambulance is needed") or is a
    question. A phrase of `about` counts even then.
    """

    kind: Literal["phrases"]
    all: tuple[Group, ...] = ()
    none: tuple[Phrase, ...] = ()
    about: tuple[Group, ...] = ()

    def score(self, reply: Reply) -> Score:
        """Return 0 for an empty answer, or for a missing or forbidden phrase.

        A rule without phrases gives no score: its answers are only compared between two runs.
        """
        text = normal(reply.text)
        if not text:
            return Score(0.0, "empty")
        if not (self.all or self.none or self.about):
            return Score(None, "compared only")
        if any(is_asserted(phrase, text) for phrase in self.none):
            return Score(0.0, "forbidden")
        asserts = all(any(is_asserted(phrase, text) for phrase in group) for group in self.all)
        mentions = all(any(has(phrase, text) for phrase in group) for group in self.about)
        return verdict(is_right=asserts and mentions, reason="missing")


# Words that negate what follows them in a sentence, in English, German and Spanish.
NEGATIONS = (
    *("no", "not", "*n't", "never", "without", "denies", "denied", "negative for", "cannot"),
    *("avoid", "absence of", "free of", "ruled out", "rather than", "instead of", "refuse*"),
    *("kein*", "nicht", "ohne", "nie", "niemals", "verneint", "vermeiden", "statt"),
    *("ningún", "ninguna", "sin", "nunca", "niega", "evite", "en lugar de"),
)
SENTENCE_END = re.compile(r"[.!?;\n]| but | aber | pero ")
# After a phrase: "... is not needed", or the end of a question.
NOT_ASSERTED = re.compile(
    r"[^.!?;\n]{0,60}(?:\?|(?:\bnot|n't|\bnicht|\bno) (?:\w+ )?"
    r"(?:needed|necessary|required|warranted|nötig|notwendig|erforderlich|necesari[oa]|hace falta)|"
    r"\bunnecessary|\bunnötig|\binnecesari[oa])"
)
REACH = 60  # characters: a negation further away negates something else


def normal(text: str) -> str:
    """Normalise a text: lower case, single spaces, straight apostrophes."""
    return re.sub(r"\s+", " ", text.casefold().replace("\u2019", "'")).strip()


@lru_cache(maxsize=4096)
def pattern(phrase: str) -> re.Pattern[str]:
    """Compile a phrase to a regex that matches whole words; `*` matches any ending."""
    words = [re.escape(word).replace(r"\*", r"\w*") for word in normal(phrase).split()]
    start = r"\b" if phrase[0].isalnum() else ""
    end = r"\b" if phrase[-1].isalnum() else ""
    return re.compile(start + r"\s+".join(words) + end)


def has(phrase: str, text: str) -> bool:
    """Return whether a normalised text contains the phrase."""
    return pattern(phrase).search(text) is not None


def is_asserted(phrase: str, text: str) -> bool:
    """Return whether a normalised text contains the phrase outside negations and questions."""
    return any(
        not (is_negated(text, match.start()) or NOT_ASSERTED.match(text, match.end()))
        for match in pattern(phrase).finditer(text)
    )


def is_negated(text: str, at: int) -> bool:
    """Return whether a negation comes shortly before this index, in the same sentence."""
    before = text[max(0, at - REACH) : at]
    sentence = SENTENCE_END.split(before)[-1]
    return any(has(negation, sentence) for negation in NEGATIONS)
