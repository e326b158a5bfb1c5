"""The status of a sign in its sentence."""

import pytest

from gateway.safety.red_flags.context import Status, is_about_a_person, status


@pytest.mark.parametrize(
    ("sentence", "how"),
    [
        ("she has chest pain.", "present"),
        ("no chest pain.", "negated"),
        ("denies fever, cough, chest pain.", "negated"),
        ("he doesn't have chest pain.", "negated"),
        ("chest pain: none.", "negated"),
        ("pe and chest pain were ruled out.", "negated"),
        ("chest pain-free since.", "negated"),
        ("no fever but chest pain.", "present"),
        ("not only chest pain.", "present"),
        ("no relief of the chest pain.", "present"),
        ("no known allergies, chest pain.", "present"),
        ("he isn't well and he has chest pain.", "present"),
        ("chest pain was not ruled out.", "present"),
        ("history of chest pain.", "historical"),
        ("chest pain in 2019.", "historical"),
        ("two years ago she had chest pain.", "historical"),
        ("the chest pain resolved.", "historical"),
        ("a 2-hour history of chest pain.", "present"),
        ("history of copd, now chest pain.", "present"),
        ("for the past two hours chest pain.", "present"),
        ("my father had chest pain.", "family"),
        ("family history of chest pain.", "family"),
        ("chest pain runs in my family.", "family"),
        ("my father had chest pain this morning.", "present"),
        ("what causes chest pain?", "hypothetical"),
        ("if someone has chest pain, call.", "hypothetical"),
        ("side effects include chest pain.", "hypothetical"),
        ("what causes my chest pain?", "present"),
        ("i read the leaflet but now i have chest pain.", "present"),
    ],
)
def test_a_sign_is_present_unless_the_sentence_says_otherwise(sentence: str, how: Status) -> None:
    """NegEx's and ConText's cases, their pseudo-triggers and terminations, and our own two."""
    start = sentence.index("chest pain")

    assert status(sentence, start, start + len("chest pain")) == how


@pytest.mark.parametrize(
    ("language", "sentence", "how"),
    [
        ("de", "patient hat brustschmerz.", "present"),
        ("de", "kein brustschmerz.", "negated"),
        ("de", "vor zwei jahren brustschmerz.", "historical"),
        ("de", "mein vater hatte brustschmerz.", "family"),
        ("de", "was hilft bei brustschmerz?", "hypothetical"),
        ("es", "tiene brustschmerz.", "present"),
        ("es", "niega brustschmerz.", "negated"),
        ("es", "antecedentes de brustschmerz.", "historical"),
        ("es", "mi padre tuvo brustschmerz.", "family"),
        ("es", "¿qué causa brustschmerz?", "hypothetical"),
    ],
)
def test_each_language_has_its_own_triggers(language: str, sentence: str, how: Status) -> None:
    """The sign does not matter here, only the words around it."""
    start = sentence.index("brustschmerz")

    assert status(sentence, start, start + len("brustschmerz"), language) == how


@pytest.mark.parametrize(
    ("sentence", "is_somebody"),
    [
        ("i have a cough", True),
        ("71 y/o with a cough", True),
        ("this patient coughs", True),
        ("cough in general practice", False),
        ("how do i treat a cough?", False),
    ],
)
def test_a_case_is_told_from_a_subject(sentence: str, is_somebody: bool) -> None:
    """The words "how do I treat" open a question about a subject, whoever asks."""
    assert is_about_a_person(sentence) is is_somebody
