"""Find the rules that a text may match, and those whose signs it reports as present."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from gateway.safety.red_flags.context import is_about_a_person, status
from gateway.safety.red_flags.prefilter import Prefilter
from gateway.safety.red_flags.rule import Pair, Rule, SignPattern, Signs
from gateway.safety.red_flags.triggers import triggers

REACH = 3  # sentences between two signs of a pair


@dataclass(frozen=True, slots=True)
class CandidateRule:
    """A rule's signs in one language, and their numbers in the prefilter: `lone` of those that
    stand alone, `pairs` of the first of each pair, whose second is the next number."""

    rule: Rule
    language: str
    signs: Signs
    lone: range
    pairs: range

    def is_possible(self, hits: Set[int]) -> bool:
        """Return whether a text can contain a lone sign, or both of a pair."""
        return not hits.isdisjoint(self.lone) or any(
            first in hits and first + 1 in hits for first in self.pairs
        )

    def is_reported(self, sentences: Sequence[str], hits: Sequence[Set[int]]) -> bool:
        """Return whether the sentences report the signs as present; `hits` are those of each."""
        openers = {*self.lone, *self.pairs}
        numbers = [at for at, found in enumerate(hits) if not openers.isdisjoint(found)]
        return reports(sentences, self.signs, numbers, self.language)


class CandidateRules:
    """The rules of one language and the prefilter of their signs."""

    def __init__(self, rules: Sequence[Rule], language: str) -> None:
        self._candidates: list[CandidateRule] = []
        self._patterns: list[str] = []
        for rule in rules:
            if language in rule.signs:
                self._candidates.append(self._candidate(rule, language))
        self._prefilter = Prefilter(self._patterns)
        triggers(language)  # read now, and not in the first request

    def _candidate(self, rule: Rule, language: str) -> CandidateRule:
        signs, patterns = rule.signs[language], self._patterns
        start = len(patterns)
        patterns += [sign.pattern for sign in (signs.strong, signs.weak) if sign]
        middle = len(patterns)
        patterns += [sign.pattern for pair in signs.together for sign in pair]
        return CandidateRule(
            rule, language, signs, range(start, middle), range(middle, len(patterns), 2)
        )

    def possible(self, text: bytes) -> list[CandidateRule]:
        """Return the rules that a text may match."""
        hits = self._prefilter.hits(text)
        return [each for each in self._candidates if each.is_possible(hits)] if hits else []

    def reported(self, possible: Sequence[CandidateRule], sentences: Sequence[str]) -> set[str]:
        """Return the ids of the possible rules whose signs the sentences report."""
        hits = [self._prefilter.hits(part.encode(errors="replace")) for part in sentences]
        return {each.rule.id for each in possible if each.is_reported(sentences, hits)}


def reports(sentences: Sequence[str], signs: Signs, numbers: Sequence[int], language: str) -> bool:
    """Return whether a sentence reports a lone sign, or neighbouring ones a pair.

    `numbers` are those of the sentences that may contain a lone sign, or the first of a pair.
    """
    return any(_reports_lone(signs, sentences[at], language) for at in numbers) or any(
        _reports_pair(pair, sentences, numbers, language) for pair in signs.together
    )


def _reports_lone(signs: Signs, sentence: str, language: str) -> bool:
    if signs.strong and _is_present(signs.strong, sentence, language):
        return True
    return (
        signs.weak is not None
        and is_about_a_person(sentence, language)
        and _is_present(signs.weak, sentence, language)
    )


def _reports_pair(
    pair: Pair, sentences: Sequence[str], numbers: Sequence[int], language: str
) -> bool:
    first, second = pair
    reached = {
        at + step
        for at in numbers
        if _is_present(first, sentences[at], language)
        for step in range(-REACH, REACH + 1)
    }
    return any(
        _is_present(second, sentences[number], language)
        for number in sorted(reached)
        if 0 <= number < len(sentences)
    )


def _is_present(sign: SignPattern, sentence: str, language: str) -> bool:
    return any(
        status(sentence, *match.span(), language) == "present" for match in sign.finditer(sentence)
    )
