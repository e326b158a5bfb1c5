"""Texts that red-flag rules are tested on, and the rules that notice a text."""

from collections.abc import Sequence

from gateway.safety.red_flags.notices import notices


def ids(text: str, languages: Sequence[str] = ("en",)) -> list[str]:
    """Return the ids of the rules that notice a text."""
    return [each["id"] for each in notices(text, languages=languages)]
