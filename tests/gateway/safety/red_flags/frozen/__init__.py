"""The frozen part: texts that no weight is trained on; docs/red-flags.md says who looked at it.

A file per language; `## label: kind` opens a group, then a text per line with `\\n` for its line
breaks. `DIGESTS` fixes them: a text that changed after the figures were computed is another text.
"""

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "de", "es", "fr")
DIGESTS = FOLDER / "SHA256SUMS"


class Case(NamedTuple):
    """A text, whether it is an emergency of a present patient, and what kind of text it is."""

    text: str
    is_emergency: bool
    kind: str
    language: str


def cases(language: str) -> list[Case]:
    """Return the frozen texts of one language."""
    found, label, kind = [], "", ""
    for line in (FOLDER / f"{language}.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            label, kind = line[3:].split(": ")
        else:
            found.append(Case(line.replace("\\n", "\n"), label == "emergency", kind, language))
    return found
