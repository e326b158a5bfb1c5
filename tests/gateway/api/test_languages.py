"""The language of a prompt, by the most frequent words of its last turn."""

import pytest

from gateway.api.request_text import Turn, is_in_other_language, language_of
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    Surface,
    mmhie_of,
    name_of,
)
from tests.contract.test_disclaimer import CARRIERS
from tests.gateway.safety.red_flags.frozen import all_cases

REQUESTS, GERMAN = "mmhie_requests_total{", 'mmhie_prompts_total{language="de"}'

TEXTS = {
    "en": "My father has had a fever since yesterday. What should he take?",
    "de": "Mein Vater hat seit gestern Fieber. Was soll er nehmen?",
    "es": "Mi padre tiene fiebre desde ayer. ¿Qué debe tomar?",
    "fr": "Mon père a de la fièvre depuis hier. Que doit-il prendre ?",
    "pt": "O paciente está com febre e dor no peito desde ontem, o que devo fazer?",
    "it": "Il paziente ha la febbre alta da due giorni, che cosa devo fare?",
    "other": "De patiënt heeft koorts en pijn op de borst sinds gisteren.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_languages(language: str) -> None:
    """Six, and `other` for unclear words."""
    assert language_of(TEXTS[language]) == language
    assert language_of(TEXTS[language].upper()) == language


UNSCREENED = (
    "De patiënt heeft koorts en pijn op de borst sinds gisteren, wat moet ik doen?",
    "Jeg har ondt i brystet og det stråler ud i armen, hvad skal jeg gøre?",
    "Mam silny ból w klatce piersiowej od godziny i nie wiem, co robić.",
    "Мой ребёнок проглотил батарейку.",
    "أشعر بألم شديد في صدري منذ ساعة",
    "患者胸痛两天 应该怎么办",
    "我想自杀",
    "자살하고 싶어요",
)
UNSURE = (
    *("", "OK", "38.5", "我", "67M STEMI, troponin 4.2, BP 90/60", "Na 138, K 4.1, pCO2 40"),
    "🚑" * 300,
)


@pytest.mark.parametrize("text", UNSCREENED)
def test_a_language_that_is_not_screened_is_known(text: str) -> None:
    """By its script or its words, even if a short turn without a clear language follows."""
    turns = [Turn("system", TEXTS["en"]), Turn("user", text)]

    assert is_in_other_language(turns)
    assert is_in_other_language([*turns, Turn("user", "38.5")])
    assert not is_in_other_language([*turns, Turn("user", TEXTS["it"])])


def test_none_of_the_evaluated_texts_is_taken_for_another_language() -> None:
    """Thousands of texts of all kinds in six languages, and those without a clear language."""
    evaluated = [case.text for case in all_cases()]

    assert len(evaluated) > 3_000
    assert not [
        text for text in (*evaluated, *UNSURE) if is_in_other_language([Turn("user", text)])
    ]


@pytest.mark.parametrize("surface", CARRIERS, ids=name_of)
def test_an_answer_says_that_its_language_was_not_screened(
    gateway: Gateway, surface: Surface
) -> None:
    """In `warnings` of every answer; a screened language gives no warning."""
    for text, is_said in ((UNSCREENED[0], True), (TEXTS["it"], False)):
        mmhie = mmhie_of(surface, surface.ask(gateway.client, text))
        assert ("language_not_screened" in mmhie["warnings"]) == is_said
