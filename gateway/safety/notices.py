"""Red flags in the question: what a reader should be told besides the answer.

A deterministic match over the input. It never changes the answer, and it is not triage.
"""

from collections.abc import Iterator, Sequence

from gateway.safety.context import is_about_a_person, status
from gateway.safety.rule import Rule, Signs
from gateway.safety.rules import RULES
from gateway.safety.sentences import normal, split

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
        (rule, found)
        for rule in rules
        for language in languages
        if (found := rule.signs.get(language)) and any(word in lowered for word in found.anchors)
    ]
    if not likely:
        return []
    sentences = split(lowered)
    hits = dict.fromkeys(rule.id for rule, found in likely if is_reported(found, sentences))
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


def is_reported(found: Signs, sentences: Sequence[str]) -> bool:
    """Whether some sentence reports the signs as present."""
    return any(
        True
        for sentence in sentences
        if any(word in sentence for word in found.anchors) and any(_present(found, sentence))
    )


def _present(found: Signs, sentence: str) -> Iterator[bool]:
    if found.strong:
        yield from (
            status(sentence, *m.span()) == "present" for m in found.strong.finditer(sentence)
        )
    if found.weak and is_about_a_person(sentence):
        yield from (status(sentence, *m.span()) == "present" for m in found.weak.finditer(sentence))
