"""The frozen part and the release sets are unchanged, and not part of the training texts."""

import hashlib
from pathlib import Path

import pytest

from scripts.red_flags.passages import LANGUAGES, SLOT, texts
from tests.gateway.safety.red_flags.frozen import FOLDERS, RELEASES, all_cases, cases, languages_of


def chosen_first(pattern: str) -> str:
    """Return a pattern with the first alternative of each slot, without marks."""
    return SLOT.sub(lambda slot: slot[1].split("|")[0], pattern).translate({60: None, 62: None})


def words(text: str) -> str:
    """Return a text without case, marks and blanks."""
    return " ".join("".join(each if each.isalnum() else " " for each in text.lower()).split())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_texts_are_unchanged(folder: Path) -> None:
    """Changing a text after a miss would tune the model to it."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()

    files = {f"{language}.txt" for language in languages_of(folder)}
    assert {line.split()[1] for line in lines} == files
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_newest_set_is_large_enough_to_say_something() -> None:
    """Emergencies and others in six languages, most of them of several sentences."""
    newest = {language: cases(language, RELEASES[-1]) for language in languages_of(RELEASES[-1])}
    emergencies = {name: sum(case.is_emergency for case in each) for name, each in newest.items()}
    several = [len(case.text.split(". ")) > 1 for each in newest.values() for case in each]

    assert emergencies == {"en": 70, "de": 45, "es": 45, "fr": 45, "pt": 30, "it": 30}
    assert {name: len(each) for name, each in newest.items()} == {
        "en": 180, "de": 115, "es": 115, "fr": 115, "pt": 75, "it": 75
    }  # fmt: skip
    assert sum(several) > 0.6 * len(several)


def test_no_text_is_a_training_text() -> None:
    """None of them is a line of the training texts."""
    kept = [words(case.text) for case in all_cases()]
    trained = {words(chosen_first(each.pattern)) for name in LANGUAGES for each in texts(name)}

    assert len(kept) == len(set(kept))
    assert not trained.intersection(kept)
