"""The frozen part and the release sets are unchanged, and not part of the training texts."""

import hashlib
from pathlib import Path

import pytest

from gateway.safety.red_flags.model import lines_of
from scripts.red_flags.passages import LANGUAGES, SLOT, passages, texts
from tests.gateway.safety.red_flags.frozen import FOLDERS, RELEASES, all_cases, cases, languages_of

SEED = 23  # of the training


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


def test_no_text_is_a_training_text() -> None:
    """None of them is a line of the training texts."""
    kept = [words(case.text) for case in all_cases()]
    trained = {words(chosen_first(each.pattern)) for name in LANGUAGES for each in texts(name)}

    assert len(kept) == len(set(kept))
    assert not trained.intersection(kept)


@pytest.mark.slow
def test_no_text_of_the_newest_set_is_a_training_passage() -> None:
    """Whatever alternatives, errors and company the training makes of its texts."""
    trained = {each.words for each in passages(SEED)}
    newest = [case for language in LANGUAGES[:-1] for case in cases(language, RELEASES[-1])]

    assert not trained & {" ".join(" ".join(lines_of(case.text)).split()) for case in newest}
