"""The language of a text, which decides from which estimate on it gets a notice."""

import pytest

from gateway.safety.red_flags.classifier.language import LANGUAGES, known_words, language_of
from gateway.safety.red_flags.classifier.model import Kind, model
from gateway.safety.red_flags.screening import Policy, Reading
from tests.gateway.safety.red_flags.frozen import FOLDER, cases

LEAST = 0.95
MESSAGE = Kind(-1.0, -1.0)
SAID = {
    "en": "the dog is in the garden with his friend",
    "de": "der Hund ist im Garten und wartet auf seinen Freund",
    "es": "el perro está en el jardín con su amigo",
    "fr": "le chien est dans le jardin avec son ami",
}


def reading(text: str, chance: float) -> Reading:
    """Return a message of one passage with an estimate."""
    return Reading(text, [text], [chance], MESSAGE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_texts_that_nothing_was_counted_in(language: str) -> None:
    """Of nineteen in twenty, questions of six words and clinicians' shorthand among them."""
    texts = [case.text for case in cases(language, FOLDER)]

    assert sum(language_of(text) == language for text in texts) >= LEAST * len(texts)


@pytest.mark.parametrize("text", ["", "82/40 38.5", "zzyx qwrt", "\ud800"])
def test_without_a_known_word_it_is_english(text: str) -> None:
    """Its threshold is that of the texts whose language nobody tells."""
    assert language_of(text) == "en"


def test_a_word_is_of_one_language() -> None:
    """And of none that tells nothing: a word of two languages is in neither list."""
    assert known_words()["the"] == "en"
    assert known_words()["nicht"] == "de"
    assert "stent" not in known_words()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_its_threshold(language: str) -> None:
    """The card's: from it on there is a notice, and below it none."""
    threshold = model().thresholds[language]

    assert reading(SAID[language], threshold).is_likely(Policy())
    assert not reading(SAID[language], threshold - 0.001).is_likely(Policy())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_setting_stands_for_all_languages(language: str) -> None:
    """Whatever the card says, above it and below."""
    for threshold in (0.3, 0.97):
        policy = Policy(threshold=threshold)

        assert reading(SAID[language], threshold).is_likely(policy)
        assert not reading(SAID[language], threshold - 0.001).is_likely(policy)


def test_each_passage_is_read_in_its_language() -> None:
    """A strict language beside it does not silence one that is not."""
    thresholds = model().thresholds
    strict = max(LANGUAGES, key=thresholds.__getitem__)
    mild = min(LANGUAGES, key=thresholds.__getitem__)
    assert thresholds[mild] < thresholds[strict]
    both = [SAID[strict], SAID[mild]]

    assert Reading("", both, [0.0, thresholds[mild]], MESSAGE).is_likely(Policy())
    assert not Reading("", both, [thresholds[mild], 0.0], MESSAGE).is_likely(Policy())
