"""Decide whether a sentence reports a sign as present: negation, history, family, mere talk.

A small ConText: triggers before or after the sign, with a scope that ends at a termination term.
Chapman WW et al., J Biomed Inform 2001;34:301-310 (NegEx);
Harkema H et al., J Biomed Inform 2009;42:839-851 (ConText).
Beyond the papers: a general question ("signs of a stroke?") is hypothetical, one
about a person ("is my chest pain ...?") is not; something that happened to a parent is family
history unless the sentence says that it is recent.
"""

import re
from typing import Literal

from gateway.safety.red_flags.triggers import Triggers, triggers

Status = Literal["present", "negated", "historical", "family", "hypothetical"]

BEFORE = 160  # characters, about 25 words: a list of denied symptoms
VERB = 45  # characters, about the five words of NegEx
AFTER = 60


def status(sentence: str, start: int, end: int, language: str = "en") -> Status:
    """Return the status of the sign at [start, end) in a sentence."""
    table = triggers(language)
    before, after = scopes(sentence, start, end, table)
    if is_negated(before, after, table):
        return "negated"
    if is_hypothetical(sentence, start, table):
        return "hypothetical"
    if table.recent.search(before + sentence[start:end] + after):
        return "present"
    if table.family_before.search(before) or table.family_after.search(after):
        return "family"
    return "historical" if is_historical(before, after, table) else "present"


def scopes(sentence: str, start: int, end: int, table: Triggers) -> tuple[str, str]:
    """Return the text before and after a sign in which triggers apply to it."""
    before = table.pseudo.sub(" ", sentence[max(0, start - BEFORE) : start])
    after = sentence[end : end + AFTER]
    stop = table.stop.search(after)
    return _after_last(table.stop, before), after[: stop.start()] if stop else after


def is_negated(before: str, after: str, table: Triggers) -> bool:
    """Return whether the sign is negated: lists reach far, verbs only within their clause."""
    near = _after_last(table.clause, before[-VERB:])
    return bool(
        table.negated_before.search(_after_last(table.clause, before))
        or table.negated_verb.search(near)
        or table.negated_after.search(after)
    )


def is_historical(before: str, after: str, table: Triggers) -> bool:
    """Return whether the sign is in the past; words after it apply up to the comma."""
    own = after.split(",")[0]
    return bool(
        table.history_before.search(before)
        or table.past_time.search(before)
        or table.past_time.search(own)
        or table.resolved_after.search(own)
    )


def is_hypothetical(sentence: str, start: int, table: Triggers) -> bool:
    """Return whether the sentence is about a subject and not about somebody."""
    before = sentence[max(0, start - BEFORE) : start]
    if table.general.search(_after_last(table.turn, before)):
        return True
    return table.topic.match(sentence) is not None and not table.person.search(sentence)


def is_about_a_person(sentence: str, language: str = "en") -> bool:
    """Return whether the sentence is about somebody rather than a subject."""
    return triggers(language).person.search(sentence) is not None


def _after_last(pattern: re.Pattern[str], text: str) -> str:
    """Return the text after the last match of a pattern; all of it when there is none."""
    end = 0
    for match in pattern.finditer(text):
        end = match.end()
    return text[end:]
