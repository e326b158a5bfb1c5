"""Texts that no weight is trained on and no rule tuned on: the frozen part, and the release sets.

The frozen part was looked at between rounds of training, as docs/red-flags.md says; a release set
is scored once, for its release, and is a known one afterwards. In a folder, a file per language:
`## label: kind` opens a group, then a text per line with `\\n` for its line breaks. `SHA256SUMS`
fixes them: a text that changed after the figures were computed is another text.
"""

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
# Of the release sets the newest comes last: only its figures are evidence.
NUMBERS = ("first", "second", "third", "fourth", "fifth")
RELEASES = tuple(FOLDER.with_name(f"{number}_release") for number in NUMBERS)
FOLDERS = (FOLDER, *RELEASES)
LANGUAGES = ("en", "de", "es", "fr")


class Case(NamedTuple):
    """A text, whether it is an emergency of a present patient, and what kind of text it is."""

    text: str
    is_emergency: bool
    kind: str
    language: str


def languages_of(folder: Path) -> list[str]:
    """Return the languages that a folder has texts of."""
    return [each for each in LANGUAGES if (folder / f"{each}.txt").is_file()]


def cases(language: str, folder: Path = FOLDER) -> list[Case]:
    """Return a folder's texts of one language."""
    found, label, kind = [], "", ""
    for line in (folder / f"{language}.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            label, kind = line[3:].split(": ")
        else:
            found.append(Case(line.replace("\\n", "\n"), label == "emergency", kind, language))
    return found
