"""The language of a prompt: by words that are many, of the last turn, for a count alone."""

import pytest

from gateway.safety.labels import language_of
from gateway.safety.languages import HEAD
from tests.contract.process import Gateway
from tests.contract.surfaces import GENERATE, MESSAGES, RESPONSES, SURFACES, Surface, name_of
from tests.gateway.counts import counted
from tests.waiting import until

REQUESTS, GERMAN = "mmhie_requests_total{", 'mmhie_prompts_total{language="de"}'

TEXTS = {
    "en": (
        "My father has had a fever since yesterday. What should he take?",
        "A 54-year-old woman presents with pain in the left leg after a long flight.",
        "Is it safe to give ibuprofen with warfarin?",
        "Summarise this letter for the patient in simple words.",
    ),
    "de": (
        "Mein Vater hat seit gestern Fieber. Was soll er nehmen?",
        "Eine 54-jährige Patientin mit Schmerzen im linken Bein nach einem langen Flug.",
        "Kann man Ibuprofen zusammen mit Warfarin geben?",
        "Fassen Sie diesen Brief für den Patienten in einfachen Worten zusammen.",
    ),
    "es": (
        "Mi padre tiene fiebre desde ayer. ¿Qué debe tomar?",
        "Mujer de 54 años con dolor en la pierna izquierda tras un vuelo largo.",
        "¿Se puede dar ibuprofeno con warfarina?",
        "Resume esta carta para el paciente con palabras sencillas, por favor.",
    ),
    "fr": (
        "Mon père a de la fièvre depuis hier. Que doit-il prendre ?",
        "Une femme de 54 ans avec une douleur à la jambe gauche après un long vol.",
        "Peut-on donner de l'ibuprofène avec la warfarine ?",
        "Résumez cette lettre pour le patient avec des mots simples.",
    ),
    "other": (
        "O paciente está com febre e dor no peito desde ontem, o que devo fazer?",
        "Il paziente ha la febbre alta da due giorni, che cosa devo fare?",
        "De patiënt heeft koorts en pijn op de borst sinds gisteren.",
        "患者胸痛两天 怎么办",
        "67M STEMI, troponin 4.2, BP 90/60",
        "Fever?",
        "",
    ),
}
ROWS = [(language, text) for language, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("language", "text"), ROWS)
def test_languages(language: str, text: str) -> None:
    """Four, and other where the words do not tell."""
    assert language_of([text]) == language
    assert language_of([text.upper()]) == language


def test_without_a_text_there_is_none() -> None:
    assert language_of([]) is None


def test_only_the_beginning_counts() -> None:
    """A long record costs no more than a question."""
    assert language_of(["1 " * HEAD + TEXTS["en"][0]]) == "other"


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_every_surface_counts_its_prompt(gateway: Gateway, surface: Surface) -> None:
    """Whatever the language of the instructions before it."""
    before = [counted(gateway, name) for name in (REQUESTS, GERMAN)]
    setting = {GENERATE: "system", RESPONSES: "instructions", MESSAGES: "system"}.get(surface.path)
    more = {setting: TEXTS["en"][0]} if setting else {}
    answer = surface.ask(gateway.client, TEXTS["de"][0], **more)

    assert answer.status_code == 200
    until(lambda: counted(gateway, REQUESTS) == before[0] + 1)  # counted once it was sent
    assert counted(gateway, GERMAN) == before[1] + 1
