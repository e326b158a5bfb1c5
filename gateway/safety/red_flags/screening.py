"""One text held against the signs of a rule."""

import re
from collections.abc import Sequence

from gateway.safety.red_flags.context import is_about_a_person, status
from gateway.safety.red_flags.rule import Pair, Signs

REACH = 3  # sentences between two signs that belong together


def reports(sentences: Sequence[str], found: Signs, held: Sequence[int], language: str) -> bool:
    """Whether a sentence reports one of the signs, or neighbouring ones a pair of them.

    `held` are the numbers of the sentences in which a lone sign, or the first of a pair, may be.
    """
    return any(_speaks(found, sentences[number], language) for number in held) or any(
        _is_together(pair, sentences, held, language) for pair in found.together
    )


def _speaks(found: Signs, sentence: str, language: str) -> bool:
    if found.strong and _is_present(found.strong, sentence, language):
        return True
    return (
        found.weak is not None
        and is_about_a_person(sentence, language)
        and _is_present(found.weak, sentence, language)
    )


def _is_together(pair: Pair, parts: Sequence[str], held: Sequence[int], language: str) -> bool:
    first, second = pair
    reached = {
        at + step
        for at in held
        if _is_present(first, parts[at], language)
        for step in range(-REACH, REACH + 1)
    }
    return any(
        _is_present(second, parts[number], language)
        for number in sorted(reached)
        if 0 <= number < len(parts)
    )


def _is_present(sign: re.Pattern[str], sentence: str, language: str) -> bool:
    return any(
        status(sentence, *match.span(), language) == "present" for match in sign.finditer(sentence)
    )
