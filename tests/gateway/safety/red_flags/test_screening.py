"""Screening as a whole: kind of text, classifier, rules and vital signs together."""

import base64

import pytest

from gateway.safety.red_flags.screening import (
    GENERAL,
    VITAL_SIGNS,
    Policy,
    Raised,
    passages_of,
    raised,
)

EXAM = (
    "A 61-year-old man comes to the emergency department because of crushing chest pain. His blood "
    "pressure is 85/50 mm Hg. Which of the following is the most appropriate next step?\n"
    "A) Aspirin\nB) Heparin\nC) Angiography\nD) Observation"
)
RECORD = (
    "DISCHARGE SUMMARY\nThe patient was admitted with severe chest pain and BP 80/40. He underwent "
    "angioplasty without complications.\nCONDITION AT DISCHARGE: stable.\nFOLLOW-UP: two weeks."
)
STUDY = (
    "BACKGROUND: Septic shock is common. METHODS: We enrolled 420 patients with lactate 6 and "
    "severe bleeding. RESULTS: Mortality was 31%. CONCLUSION: Further studies are needed."
)
VISIT = (
    "Doctor: Good morning, what brings you in? Patient: My knee is stiff. Doctor: Any chest pain? "
    "Patient: No. Doctor: Shortness of breath? Patient: No. Doctor: Let us look at the knee."
)


def ids(*turns: str, **policy: object) -> list[str]:
    """Return the ids that the messages of a conversation raise."""
    return list(raised(turns, Policy(**policy)).in_messages)  # type: ignore[arg-type]  # parameters


@pytest.mark.parametrize("text", [EXAM, RECORD, STUDY, VISIT])
def test_nothing_is_looked_for_in_documents(text: str) -> None:
    """An exam item, a record, a study; and a visit in which nobody is in danger."""
    assert raised([text], Policy()) == Raised([], (), [])


def test_documents_are_looked_at_where_they_may_be() -> None:
    """By rules and numbers alone, apart from what the messages say."""
    found = raised([RECORD, "Summarise it."], Policy(with_records=True))

    assert found.in_messages == []
    assert "MED101" in found.in_documents
    assert VITAL_SIGNS in found.in_documents


def test_a_message_beside_a_document_is_a_message() -> None:
    """A pasted record does not hide what is asked below it."""
    now = "He has crushing chest pain again now and is sweating, what do I do?"

    assert "MED101" in ids(RECORD, now)


@pytest.mark.parametrize(
    "text",
    [
        "The dialysis line came out and blood sprays.",
        "My leg is cold, white and I cannot feel my toes since an hour.",
        "She fell through the ice, is stiff with cold and mumbling.",
        "Ein Hoden tut plötzlich höllisch weh, er übergibt sich.",
        "Je n'arrive plus à respirer et mes lèvres sont bleues.",
        "hes colapsed and turnd blu, wont anser",
    ],
)
def test_an_emergency_that_no_rule_knows(text: str) -> None:
    """A general notice, in any language, with errors of typing."""
    assert ids(text) == [GENERAL]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("MED101", "I have crushing chest pain and I am sweating."),
        ("MED116", "Blood gas says bicarbonate 5, ketones 7, he is drowsy and keeps vomiting."),
        ("MED119", "She poured boiling fat over her arm, the skin is peeling off."),
        ("MED120", "My boy's left testicle is agony since an hour and he is throwing up."),
    ],
)
def test_rules_name_the_reason(rule: str, text: str) -> None:
    """The general notice would say less than a rule that names the reason."""
    assert ids(text) == [rule]


def test_the_threshold_is_a_setting() -> None:
    """At 1 the classifier says nothing by itself; rules and numbers still do."""
    silent = "My leg is cold, white and I cannot feel my toes since an hour."

    assert ids(silent, threshold=1) == []
    assert ids("I have crushing chest pain.", threshold=1) == ["MED101"]
    assert ids("BP 68/40, cold and drowsy, what first?", threshold=1) == [VITAL_SIGNS]


@pytest.mark.parametrize(
    "text",
    [
        "My blood pressure isn't controlled on two tablets, which one should I add?",
        "Blood sugar today is not controlled, what should I change?",
        "The exsanguinated limb was prepped and the tourniquet inflated.",
        "Stab wounds for the trocars were closed with absorbable sutures.",
        "Doctor: any chest pain? Patient: no. Doctor: good.",
        "no chest pain, no trouble breathing, only tired after work",
        "My grandfather died of a heart attack at 70, should I be tested?",
        "What are the signs of sepsis?",
    ],
)
def test_wrong_firings(text: str) -> None:
    """Texts of which a reader once got a notice that was none."""
    assert ids(text) == []


EMERGENCY = "my chest is crushing and my left arm is numb"


@pytest.mark.parametrize(
    "text",
    [
        EMERGENCY.replace("chest", "ch\u200best").replace("arm", "a\u00adrm"),
        EMERGENCY.replace("a", "\u0430").replace("e", "\u0435"),
        f"No emergency here, just asking: {EMERGENCY}",
        f"Hola. Guten Tag. Bonjour. {EMERGENCY}. ¿Qué hago?",
        EMERGENCY.upper(),
        f"{base64.b64encode(bytes(range(256)) * 8).decode()}\n\n{EMERGENCY}",
        "The weather was fine that day. " * 2_000 + EMERGENCY,
        f"{EMERGENCY}. " + "The weather was fine that day. " * 30,
        "\u200b\u2060".join(EMERGENCY),
        f"No emergency. No emergency here. Ignore this, there is no emergency!\n{EMERGENCY}",
        f"Kein Notfall. {base64.b64encode(b'no chest pain ' * 20_000).decode()} {EMERGENCY}",
    ],
)
def test_disguises(text: str) -> None:
    """Invisible characters, lookalikes, a denial before it, other languages, noise around it."""
    assert ids(text)


def test_the_last_of_many_messages() -> None:
    """Ten thousand short ones before it."""
    assert ids(*["ok"] * 10_000, EMERGENCY)
    assert not ids(*["ok"] * 10_000)


def test_one_sentence_again_and_again() -> None:
    """A megabyte of it says what one says."""
    assert not ids("The weather was fine that day. " * 33_000)
    assert ids(f"{EMERGENCY}. " * 23_000) == ids(EMERGENCY)


@pytest.mark.parametrize(
    "text", ["", " ", "\n" * 9_000, "\x00", "é" * 9_000, "1" * 9_000, "\ud800"]
)
def test_any_text_is_taken(text: str) -> None:
    """Empty, odd and broken texts raise nothing, and no error."""
    assert ids(text) == []


def test_a_later_turn_resolves_a_possible_emergency() -> None:
    """As it does one that a rule has named."""
    before = "My leg is cold, white and I cannot feel my toes since an hour."

    assert raised([before, "It has gone now, thanks."], Policy()) == Raised([], (), [GENERAL])
    assert ids(before, "It has not gone.") == [GENERAL]


@pytest.mark.parametrize("text", ["a" * 5_000, "One. " * 1_000, "x", "\n" * 3_000, "é. " * 700])
def test_passages_hold_the_whole_text(text: str) -> None:
    """Nothing is left out between two of them."""
    assert "".join(passages_of(text)) == text
