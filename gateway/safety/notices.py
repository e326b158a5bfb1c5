"""Red flags in the question: what a reader should be told besides the answer.

A deterministic match over the input. It never changes the answer, and it is not triage.
"""

from collections.abc import Sequence

from gateway.safety.rule import Rule
from gateway.safety.rules import RULES
from gateway.safety.screening import reports
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
        (rule.id, found, words, language)
        for rule in rules
        for language in languages
        if (found := rule.signs.get(language))
        and (words := [word for word in found.anchors if word in lowered])
    ]
    if not likely:
        return []
    sentences = Sentences.of(lowered)
    hits = {
        id_ for id_, found, words, language in likely if reports(sentences, found, words, language)
    }
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
