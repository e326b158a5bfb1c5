"""Texts that red-flag rules are tested on, and the rules that notice a text."""

from collections.abc import Sequence

from gateway.safety.red_flags.notices import red_flags


def ids(text: str, languages: Sequence[str] = ("en",)) -> list[str]:
    """Return the ids of the rules that notice a text."""
    return [rule.id for rule in red_flags(tuple(languages)).raised(text)]
