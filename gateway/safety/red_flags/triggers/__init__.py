"""Trigger words, which turn a sign into something else than an emergency; one file per language."""

import re
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from gateway.safety.red_flags.patterns import alternatives, read


@dataclass(frozen=True, slots=True)
class Triggers:
    """ConText's trigger classes for one language, each a pattern over lower-case text.

    `pseudo` resembles a trigger and is none; `stop` ends a scope, `turn` that of general talk,
    `clause` that of a verb; `recent` overrides history and family; `topic` opens a sentence about
    a subject; `person` marks a sentence about somebody; `all_over` says that an emergency has
    ended, unless the sentence is `unsettled`.
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
    all_over: re.Pattern[str]
    unsettled: re.Pattern[str]


@cache
def triggers(language: str) -> Triggers:
    """Return one language's classes, each a list of alternatives between word boundaries."""
    table, expand = read(Path(__file__).with_name(f"{language}.toml"))
    sources = {each.name: alternatives(table[each.name], expand) for each in fields(Triggers)}
    return Triggers(
        **{name: re.compile(rf"(?<!\w)(?:{source})(?!\w)") for name, source in sources.items()}
    )
