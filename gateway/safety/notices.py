"""Red flags in the question: what a reader should be told besides the answer.

A deterministic match over the input. It never changes the answer, and it is not triage.
"""

from collections.abc import Sequence

from gateway.safety.rule import Rule
from gateway.safety.rules import RULES
from gateway.safety.screening import Screening
from gateway.safety.sentences import Sentences, normal

DEFAULT_CONTACT = "your local emergency number"
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
    screening = Screening(Sentences.of(lowered))
    hits = {id_ for id_, found, language in likely if screening.reports(found, language)}
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
