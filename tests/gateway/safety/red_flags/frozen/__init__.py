"""Texts that no weight is trained on: the frozen part, and the release sets.

Of the release sets the newest comes last: it was committed before the training that it was scored
with, once; the others are known ones, on which thresholds are chosen. In a folder, a file per
language: `## label: kind` opens a group, then a text per line with `\\n` for its line breaks; from
the sixth set on an emergency's line begins with its topic and a tab. `SHA256SUMS` fixes them.
"""

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
NUMBERS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh"),
)
RELEASES = tuple(FOLDER.with_name(f"{number}_release") for number in NUMBERS)
FOLDERS = (FOLDER, *RELEASES)
LANGUAGES = ("en", "de", "es", "fr", "pt", "it")


class Case(NamedTuple):
    """A text, whether it is an emergency of a present patient, its kind, language and topic."""

    text: str
    is_emergency: bool
    kind: str
    language: str
    topic: str | None


def languages_of(folder: Path) -> list[str]:
    """Return the languages that a folder has texts of."""
    return [each for each in LANGUAGES if (folder / f"{each}.txt").is_file()]


def cases(language: str, folder: Path = FOLDER) -> list[Case]:
    """Return a folder's texts of one language."""
    texts, label, kind = [], "", ""
    for line in (folder / f"{language}.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            label, kind = line[3:].split(": ", 1)
        elif line:
            topic, tab, text = line.rpartition("\t")
            text = text.replace("\\n", "\n")
            texts.append(Case(text, label == "emergency", kind, language, topic if tab else None))
    return texts


def all_cases() -> list[Case]:
    """Return the texts of all folders in all languages."""
    places = [(language, folder) for folder in FOLDERS for language in languages_of(folder)]
    return [case for place in places for case in cases(*place)]
