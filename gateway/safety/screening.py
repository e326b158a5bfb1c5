"""One text held against the signs of the rules."""

import re

from gateway.safety.context import is_about_a_person, status
from gateway.safety.rule import Pair, Signs
from gateway.safety.sentences import Sentences

REACH = 3  # sentences between two signs that belong together


class Screening:
    """Looks for signs in one text and remembers where, for rules that share a sign."""

    def __init__(self, sentences: Sentences) -> None:
        self._sentences = sentences
        self._seen: dict[tuple[re.Pattern[str], str], list[int]] = {}

    def reports(self, found: Signs, language: str) -> bool:
        """Whether some sentence reports one of the signs, or neighbouring ones a pair of them."""
        parts = self._sentences.parts
        return any(
            _speaks(found, parts[number], language)
            for number in self._sentences.holding(found.anchors)
        ) or any(self._together(pair, language) for pair in found.together)

    def _together(self, pair: Pair, language: str) -> bool:
        left = self._where(pair[0], language)
        if not left:
            return False
        reached = {at + step for at in left for step in range(-REACH, REACH + 1)}
        return not reached.isdisjoint(self._where(pair[1], language))

    def _where(self, sign: re.Pattern[str], language: str) -> list[int]:
        """The numbers of the sentences that report the sign as present."""
        if (sign, language) not in self._seen:
            self._seen[sign, language] = [
                number
                for number, sentence in enumerate(self._sentences.parts)
                if _is_present(sign, sentence, language)
            ]
        return self._seen[sign, language]


def _speaks(found: Signs, sentence: str, language: str) -> bool:
    if found.strong and _is_present(found.strong, sentence, language):
        return True
    return (
        found.weak is not None
        and is_about_a_person(sentence, language)
        and _is_present(found.weak, sentence, language)
    )


def _is_present(sign: re.Pattern[str], sentence: str, language: str) -> bool:
    return any(
        status(sentence, *match.span(), language) == "present" for match in sign.finditer(sentence)
    )
