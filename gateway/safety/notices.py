"""Red flags in the question: what a reader should be told besides the answer.

A deterministic match over the input. It never changes the answer, and it is not triage.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cache

from gateway.safety.rule import Rule, Signs
from gateway.safety.rules import RULES
from gateway.safety.screening import reports
from gateway.safety.sentences import bounded, normal, sentences_of
from gateway.safety.sieve import Sieve

DEFAULT_CONTACT = "your local emergency number"
NOT_TRIAGE = (
    "This is an automatic text match, not triage: it may be wrong, and its absence means nothing."
)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One language's signs of a rule; `lone` and `pairs` are their numbers in the sieve: those
    that stand alone, and the first of each pair, whose second is the next number."""

    rule: Rule
    language: str
    signs: Signs
    lone: range
    pairs: range

    def is_possible(self, hits: Set[int]) -> bool:
        """Whether a text can hold a lone sign, or both of a pair."""
        return not hits.isdisjoint(self.lone) or any(
            first in hits and first + 1 in hits for first in self.pairs
        )

    def is_reported(self, sentences: Sequence[str], hits: Sequence[Set[int]]) -> bool:
        """Whether a text reports the signs as present, by every rule of context; `hits` are those
        of each sentence."""
        openers = {*self.lone, *self.pairs}
        held = [number for number, found in enumerate(hits) if not openers.isdisjoint(found)]
        return reports(sentences, self.signs, held, self.language)


class Language:
    """The suspicions of all rules in one language, and the sieve of their signs."""

    def __init__(self, rules: Sequence[Rule], language: str) -> None:
        self._suspicions: list[Suspicion] = []
        self._patterns: list[str] = []
        for rule in rules:
            if language in rule.signs:
                self._suspicions.append(self._suspicion(rule, language))
        self._sieve = Sieve(self._patterns)

    def _suspicion(self, rule: Rule, language: str) -> Suspicion:
        signs, patterns = rule.signs[language], self._patterns
        start = len(patterns)
        patterns += [sign.pattern for sign in (signs.strong, signs.weak) if sign]
        middle = len(patterns)
        patterns += [sign.pattern for pair in signs.together for sign in pair]
        return Suspicion(
            rule, language, signs, range(start, middle), range(middle, len(patterns), 2)
        )

    def possible(self, text: bytes) -> list[Suspicion]:
        """What a text may report."""
        hits = self._sieve.hits(text)
        return [each for each in self._suspicions if each.is_possible(hits)] if hits else []

    def hits(self, sentences: Sequence[str]) -> list[Set[int]]:
        """The signs that may be in each sentence."""
        return [self._sieve.hits(part.encode(errors="replace")) for part in sentences]


class RedFlags:
    """The rules in some languages, ready for any number of texts."""

    def __init__(self, rules: Sequence[Rule], languages: Sequence[str]) -> None:
        self._rules = rules
        self._languages = [Language(rules, language) for language in languages]

    def raised(self, text: str) -> list[Rule]:
        """The rules whose red flag the text reports as present, in their order.

        Three looks, each at what the one before let through: at the text with the sieve, at its
        sentences with the sieve, and at those with the signs themselves.
        """
        whole = bounded(text)
        raw = (whole if whole.isascii() else normal(whole)).encode(errors="replace")
        possible = {one: found for one in self._languages if (found := one.possible(raw))}
        if not possible:
            return []
        sentences = sentences_of(normal(whole))
        ids = {
            each.rule.id
            for language, suspicions in possible.items()
            for hits in [language.hits(sentences)]
            for each in suspicions
            if each.is_reported(sentences, hits)
        }
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
