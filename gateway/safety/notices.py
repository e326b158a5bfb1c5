"""Red flags in the question: what a reader should be told besides the answer.

A deterministic match over the input. It never changes the answer, and it is not triage.
"""

import re
from collections.abc import Sequence

from gateway.safety.context import is_about_a_person, status
from gateway.safety.rule import Pair, Rule, Signs
from gateway.safety.rules import RULES
from gateway.safety.sentences import normal, split

DEFAULT_CONTACT = "your local emergency number"
REACH = 3  # sentences between two signs that belong together
NOT_TRIAGE = (
    "This is an automatic text match, not triage: it may be wrong, and its absence means nothing."
)


def notices(
    text: str,
    *,
    rules: Sequence[Rule] = RULES,
    contact: str = DEFAULT_CONTACT,
    languages: Sequence[str] = ("en",),
) -> list[dict[str, str]]:
    """The notice of every rule whose red flag the text reports as present; never its words."""
    lowered = normal(text)
    likely = [
        (rule.id, found, language)
        for rule in rules
        for language in languages
        if (found := rule.signs.get(language)) and any(word in lowered for word in found.anchors)
    ]
    if not likely:
        return []
    sentences = split(lowered)
    hits = {id_ for id_, found, language in likely if is_reported(found, sentences, language)}
    return [notice(rule, contact) for rule in rules if rule.id in hits]


def notice(rule: Rule, contact: str) -> dict[str, str]:
    """What the reader gets when a rule has matched."""
    return {
        "id": rule.id,
        "type": "emergency",
        "summary": rule.summary,
        "message": rule.message.format(contact=contact),
        "not_triage": NOT_TRIAGE,
    }


def is_reported(found: Signs, sentences: Sequence[str], language: str) -> bool:
    """Whether some sentence reports one of the signs, or neighbouring ones a pair of them."""
    return any(_speaks(found, sentence, language) for sentence in sentences) or any(
        _is_together(pair, sentences, language) for pair in found.together
    )


def _speaks(found: Signs, sentence: str, language: str) -> bool:
    if not any(word in sentence for word in found.anchors):
        return False
    if found.strong and _is_present(found.strong, sentence, language):
        return True
    return (
        found.weak is not None
        and is_about_a_person(sentence, language)
        and _is_present(found.weak, sentence, language)
    )


def _is_together(pair: Pair, sentences: Sequence[str], language: str) -> bool:
    left, right = (
        [at for at, sentence in enumerate(sentences) if _is_present(sign, sentence, language)]
        for sign in pair
    )
    reached = {at + step for at in right for step in range(-REACH, REACH + 1)}
    return not reached.isdisjoint(left)


def _is_present(sign: re.Pattern[str], sentence: str, language: str) -> bool:
    return any(
        status(sentence, *match.span(), language) == "present" for match in sign.finditer(sentence)
    )
