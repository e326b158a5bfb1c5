"""Letters with marks, as people type them in a hurry: without the mark, or spelt out."""

from collections.abc import Mapping

TYPED: Mapping[str, str] = {
    **{marked: bare for marked, bare in zip("áéíóúñ", "aeioun", strict=True)},
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
}
EITHER = str.maketrans({marked: f"(?:{marked}|{bare})" for marked, bare in TYPED.items()})


def spelled(pattern: str) -> str:
    """A pattern that matches either way of typing; it must have no marked letter in a class."""
    return pattern.translate(EITHER)
