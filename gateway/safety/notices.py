"""Red flags in the question: what a reader should be told besides the answer.

A deterministic match over the input. It never changes the answer, and it is not triage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from gateway.safety.rule import Rule, Signs
from gateway.safety.rules import RULES
from gateway.safety.screening import reports
from gateway.safety.sentences import Sentences, bounded, normal
from gateway.safety.sieve import Sieve

DEFAULT_CONTACT = "your local emergency number"
NOT_TRIAGE = (
    "This is an automatic text match, not triage: it may be wrong, and its absence means nothing."
)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One language's signs of a rule, and a sieve of them: the lone signs, then the pairs."""

    rule: Rule
    language: str
    signs: Signs
    sieve: Sieve
    pairs: range

    @classmethod
    def of(cls, rule: Rule, language: str) -> "Suspicion":
        signs = rule.signs[language]
        lone = [sign.pattern for sign in (signs.strong, signs.weak) if sign]
        paired = [sign.pattern for pair in signs.together for sign in pair]
        sieve = Sieve([*lone, *paired])
        return cls(rule, language, signs, sieve, range(len(lone), len(lone) + len(paired), 2))

    def is_possible(self, text: bytes) -> bool:
        """Whether a text can hold a lone sign, or both of a pair."""
        hits = self.sieve.hits(text)
        return any(
            number < self.pairs.start or (number in self.pairs and number + 1 in hits)
            for number in hits
        )

    def is_reported(self, sentences: Sentences) -> bool:
        """Whether a text reports the signs as present, by every rule of context."""
        words = [word for word in self.signs.anchors if word in sentences.text]
        held = [
            number
            for number in sentences.holding(words)
            if self.sieve.hits(sentences.parts[number].encode(errors="replace"))
        ]
        return reports(sentences, self.signs, held, self.language)


class RedFlags:
    """The rules in some languages, ready for any number of texts."""

    def __init__(self, rules: Sequence[Rule], languages: Sequence[str]) -> None:
        self._rules = rules
        self._suspicions = [
            Suspicion.of(rule, language)
            for rule in rules
            for language in languages
            if language in rule.signs
        ]
        self._anchors = Sieve(["|".join(each.signs.anchors) for each in self._suspicions])

    def raised(self, text: str) -> list[Rule]:
        """The rules whose red flag the text reports as present, in their order.

        Three looks, each at what the one before let through: for the anchors of every rule, for
        the loosened signs of one, and sentence by sentence for the signs themselves.
        """
        whole = bounded(text)
        raw = (whole if whole.isascii() else normal(whole)).encode(errors="replace")
        possible = [
            self._suspicions[number]
            for number in self._anchors.hits(raw)
            if self._suspicions[number].is_possible(raw)
        ]
        if not possible:
            return []
        sentences = Sentences.of(normal(whole))
        ids = {each.rule.id for each in possible if each.is_reported(sentences)}
        return [rule for rule in self._rules if rule.id in ids]


@cache
def red_flags(languages: tuple[str, ...]) -> RedFlags:
    """All rules in some languages."""
    return RedFlags(RULES, languages)


def notices(
    text: str, *, contact: str = DEFAULT_CONTACT, languages: Sequence[str] = ("en",)
) -> list[dict[str, str]]:
    """The notice of every rule whose red flag the text reports as present; never its words."""
    return [notice(rule, contact) for rule in red_flags(tuple(languages)).raised(text)]


def notice(rule: Rule, contact: str) -> dict[str, str]:
    """What the reader gets when a rule has matched."""
    return {
        "id": rule.id,
        "type": "emergency",
        "summary": rule.summary,
        "message": rule.message.format(contact=contact),
        "not_triage": NOT_TRIAGE,
    }
