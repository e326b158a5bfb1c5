"""Trigger words by language, which turn a sign into something else than an emergency."""

import re
from dataclasses import dataclass

from gateway.safety.red_flags.rule import spelled


@dataclass(frozen=True, slots=True)
class Triggers:
    """ConText's trigger classes for one language, each a pattern over lower-case text.

    `pseudo` resembles a trigger and is none; `stop` ends a scope, `turn` that of general talk,
    `clause` that of a verb; `recent` overrides history and family; `topic` opens a sentence about
    a subject; `person` marks a sentence about somebody.
    """

    pseudo: re.Pattern[str]
    stop: re.Pattern[str]
    turn: re.Pattern[str]
    clause: re.Pattern[str]
    negated_before: re.Pattern[str]
    negated_verb: re.Pattern[str]
    negated_after: re.Pattern[str]
    history_before: re.Pattern[str]
    past_time: re.Pattern[str]
    resolved_after: re.Pattern[str]
    family_before: re.Pattern[str]
    family_after: re.Pattern[str]
    recent: re.Pattern[str]
    general: re.Pattern[str]
    topic: re.Pattern[str]
    person: re.Pattern[str]


def words(*alternatives: str) -> re.Pattern[str]:
    """Join alternatives into one pattern, between word boundaries."""
    return re.compile(r"(?<!\w)(?:" + spelled("|".join(alternatives)) + r")(?!\w)")
