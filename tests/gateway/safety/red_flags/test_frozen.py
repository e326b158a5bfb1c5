"""The frozen part and the release sets: unchanged, of a fair size, apart from all other texts."""

import hashlib
from pathlib import Path

import pytest

from scripts.red_flags.corpus import own
from tests.gateway.safety.red_flags.corpus import CORPUS, UNTUNED, ordinary, pairs, vignettes
from tests.gateway.safety.red_flags.frozen import (
    FOLDER,
    FOLDERS,
    LANGUAGES,
    RELEASES,
    cases,
    languages_of,
)
from tests.gateway.safety.red_flags.hits import HITS
from tests.gateway.safety.red_flags.near_misses import NEAR_MISSES

SUFFIXES = ("", "_de", "_es")
FIRST, SECOND, *NEWER = RELEASES


def words(text: str) -> str:
    """Return a text without what a copy would change: case, marks, blanks."""
    return " ".join("".join(each if each.isalnum() else " " for each in text.lower()).split())


def others() -> set[str]:
    """Texts that rules were written for, or tuned on."""
    folders = (CORPUS, UNTUNED)
    tuned = [text for one in folders for each in SUFFIXES for text in ordinary(each, one)]
    tuned += [case["text"] for one in folders for each in SUFFIXES for case in vignettes(each, one)]
    return {words(text) for text in [*tuned, *(text for _, text in pairs(HITS | NEAR_MISSES))]}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_texts_are_unchanged(folder: Path) -> None:
    """A text that is reworded after a miss would be tuned on."""
    files = [folder / f"{language}.txt" for language in languages_of(folder)]

    assert (folder / "SHA256SUMS").read_text().splitlines() == [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files
    ]


@pytest.mark.parametrize(
    ("folder", "language", "emergencies", "rest"),
    [
        *((FOLDER, *each) for each in (("en", 150, 150), ("de", 25, 20), ("es", 25, 20))),
        (FOLDER, "fr", 20, 15),
        (FIRST, "en", 80, 80),
        *((FIRST, language, 28, 36) for language in ("de", "es", "fr")),
        *((SECOND, language, 40, 60) for language in ("de", "es", "fr")),
        *((folder, language, 60, 100) for folder in NEWER for language in LANGUAGES),
    ],
)
def test_the_texts_are_enough(folder: Path, language: str, emergencies: int, rest: int) -> None:
    """For intervals that say something: both ways, in each language."""
    labels = [case.is_emergency for case in cases(language, folder)]

    assert labels.count(True) >= emergencies
    assert labels.count(False) >= rest


def test_the_texts_are_apart() -> None:
    """None of them is among those that a rule or the classifier was made from."""
    kept = [
        words(case.text)
        for one in FOLDERS
        for each in languages_of(one)
        for case in cases(each, one)
    ]

    assert len(kept) == len(set(kept))
    assert not others().intersection(kept)
    assert not {words(each.text) for each in own()}.intersection(kept)
