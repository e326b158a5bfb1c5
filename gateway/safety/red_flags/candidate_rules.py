"""Which red flags a text may raise: a rule's signs in one language, and how they are looked for."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from gateway.safety.red_flags.prefilter import Prefilter
from gateway.safety.red_flags.rule import Rule, Signs
from gateway.safety.red_flags.screening import reports


@dataclass(frozen=True, slots=True)
class CandidateRule:
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


class CandidateRules:
    """Those of all rules in one language, and the sieve of their signs."""

    def __init__(self, rules: Sequence[Rule], language: str) -> None:
        self._each: list[CandidateRule] = []
        self._patterns: list[str] = []
        for rule in rules:
            if language in rule.signs:
                self._each.append(self._suspicion(rule, language))
        self._sieve = Prefilter(self._patterns)

    def _suspicion(self, rule: Rule, language: str) -> CandidateRule:
        signs, patterns = rule.signs[language], self._patterns
        start = len(patterns)
        patterns += [sign.pattern for sign in (signs.strong, signs.weak) if sign]
        middle = len(patterns)
        patterns += [sign.pattern for pair in signs.together for sign in pair]
        return CandidateRule(
            rule, language, signs, range(start, middle), range(middle, len(patterns), 2)
        )

    def possible(self, text: bytes) -> list[CandidateRule]:
        """What a text may report."""
        hits = self._sieve.hits(text)
        return [each for each in self._each if each.is_possible(hits)] if hits else []

    def reported(self, possible: Sequence[CandidateRule], sentences: Sequence[str]) -> set[str]:
        """The ids of the rules, of those that are possible, whose signs the sentences report."""
        hits = [self._sieve.hits(part.encode(errors="replace")) for part in sentences]
        return {each.rule.id for each in possible if each.is_reported(sentences, hits)}
