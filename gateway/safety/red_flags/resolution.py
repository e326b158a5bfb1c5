"""Later turns that resolve an emergency of earlier ones: "the pain has gone, the ECG is normal".

Only plain statements count: a question ("has it gone?"), a condition or a negation resolves
nothing, and whatever the turns from that statement on report for themselves is still reported.
"""

from collections.abc import Sequence

from gateway.safety.red_flags.rule import Rule, Signs
from gateway.safety.red_flags.sentences import normal, sentences_of
from gateway.safety.red_flags.triggers import triggers


def resolving_turn(
    rule: Rule, turns: Sequence[str], languages: Sequence[str], *, first: int = 0
) -> int | None:
    """Return the number of the last turn, from `first` on, that says the rule's emergency is over;
    never the very first, which has nothing to resolve."""
    for number in range(len(turns) - 1, max(0, first - 1), -1):
        sentences = sentences_of(normal(turns[number]))
        if any(is_resolved(rule, each, language) for language in languages for each in sentences):
            return number
    return None


def is_resolved(rule: Rule, sentence: str, language: str) -> bool:
    """Return whether a sentence says that everything, or this rule's sign, is over."""
    table = triggers(language)
    if table.unsettled.search(sentence) or sentence.rstrip().endswith("?"):
        return False
    return table.all_over.search(sentence) is not None or (
        language in rule.signs
        and table.resolved_after.search(sentence) is not None
        and is_named(rule.signs[language], sentence)
    )


def is_named(signs: Signs, sentence: str) -> bool:
    """Return whether a sentence names a sign of a rule, or one of a pair."""
    lone = [sign for sign in (signs.strong, signs.weak) if sign is not None]
    paired = [sign for pair in signs.together for sign in pair]
    return any(sign.search(sentence) for sign in (*lone, *paired))


def all_over_turn(turns: Sequence[str], languages: Sequence[str]) -> int | None:
    """Return the number of the last turn that says that everything is over; never the first."""
    for number in range(len(turns) - 1, 0, -1):
        sentences = sentences_of(normal(turns[number]))
        if any(is_all_over(each, language) for language in languages for each in sentences):
            return number
    return None


def is_all_over(sentence: str, language: str) -> bool:
    """Return whether a sentence states that an emergency, whichever it was, has ended."""
    table = triggers(language)
    is_open = table.unsettled.search(sentence) or sentence.rstrip().endswith("?")
    return not is_open and table.all_over.search(sentence) is not None
