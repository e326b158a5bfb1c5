"""The frozen part of the corpus: unchanged, of a fair size, and apart from all other texts."""

import hashlib

import pytest

from scripts.red_flags.corpus import own
from tests.gateway.safety.red_flags.corpus import CORPUS, UNTUNED, ordinary, vignettes
from tests.gateway.safety.red_flags.frozen import DIGESTS, FOLDER, LANGUAGES, cases
from tests.gateway.safety.red_flags.test_rules import HITS, NEAR_MISSES, pairs

SUFFIXES = ("", "_de", "_es")


def words(text: str) -> str:
    """Return a text without what a copy would change: case, marks, blanks."""
    return " ".join("".join(each if each.isalnum() else " " for each in text.lower()).split())


def others() -> set[str]:
    """Texts that rules were written for, or tuned on."""
    folders = (CORPUS, UNTUNED)
    tuned = [text for one in folders for each in SUFFIXES for text in ordinary(each, one)]
    tuned += [case["text"] for one in folders for each in SUFFIXES for case in vignettes(each, one)]
    return {words(text) for text in [*tuned, *(text for _, text in pairs(HITS | NEAR_MISSES))]}


def test_the_frozen_part_is_unchanged() -> None:
    """A text that is reworded after a miss would be tuned on."""
    files = [FOLDER / f"{language}.txt" for language in LANGUAGES]

    assert DIGESTS.read_text().splitlines() == [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files
    ]


@pytest.mark.parametrize(
    ("language", "emergencies", "rest"),
    [("en", 150, 150), ("de", 25, 20), ("es", 25, 20), ("fr", 20, 15)],
)
def test_the_frozen_part_is_large_enough(language: str, emergencies: int, rest: int) -> None:
    """For intervals that say something: both ways, in each language."""
    labels = [case.is_emergency for case in cases(language)]

    assert labels.count(True) >= emergencies
    assert labels.count(False) >= rest


def test_the_frozen_part_is_apart() -> None:
    """No text of it is among those that a rule or the classifier was made from."""
    frozen = [words(case.text) for language in LANGUAGES for case in cases(language)]

    assert len(frozen) == len(set(frozen))
    assert not others().intersection(frozen)
    assert not {words(each.text) for each in own()}.intersection(frozen)
