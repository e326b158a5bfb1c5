"""One table of hits and near misses for each red-flag rule."""

from collections.abc import Sequence

from gateway.safety.red_flags.notices import notices


def ids(text: str, languages: Sequence[str] = ("en",)) -> list[str]:
    """The ids of the rules that speak up about a text."""
    return [each["id"] for each in notices(text, languages=languages)]
