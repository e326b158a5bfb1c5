"""Notices: the contract of one, the corpus with its numbers, and the time they take."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import gateway.safety.red_flags.rules
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels
from gateway.safety.red_flags.notices import RedFlags, still_raised
from gateway.safety.red_flags.patterns import TYPED
from gateway.safety.red_flags.prefilter import Prefilter
from gateway.safety.red_flags.rules import RULES
from gateway.safety.red_flags.screening import VITAL_SIGNS
from gateway.safety.wording import LANGUAGES, built_in
from tests.gateway.safety.red_flags.corpus import UNTUNED, ids, ordinary, vignettes
from tests.python_lines import lines_run

PLAIN = str.maketrans(dict(TYPED))  # as people type in a hurry

ORDINARY, VIGNETTES = ordinary(), vignettes()


def test_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    """No notice on ordinary questions, the expected one on every vignette; printed as numbers."""
    false_alarms = [text for text in ORDINARY if ids(text)]
    misses = [each["text"] for each in VIGNETTES if each["rule"] not in ids(each["text"])]
    with capsys.disabled():
        print(  # noqa: T201  the numbers are the point of this test
            f"\nnotices: {len(false_alarms)} false alarms on {len(ORDINARY)} ordinary questions, "
            f"{len(misses)} misses on {len(VIGNETTES)} red-flag vignettes"
        )

    assert len(ORDINARY) >= 150
    assert len(VIGNETTES) >= 120
    assert false_alarms == []
    assert misses == []


@pytest.mark.parametrize("language", ["de", "es"])
def test_the_corpus_in_other_languages(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same in German and Spanish, every rule among them; with English switched on, too."""
    texts, cases = ordinary(f"_{language}"), vignettes(f"_{language}")
    on = ("en", language)
    false_alarms = [text for text in texts if ids(text, on)]
    misses = [each["text"] for each in cases if each["rule"] not in ids(each["text"], on)]
    with capsys.disabled():
        print(  # noqa: T201  the numbers are the point of this test
            f"\nnotices, {language}: {len(false_alarms)} false alarms on {len(texts)} ordinary "
            f"questions, {len(misses)} misses on {len(cases)} red-flag vignettes"
        )

    assert len(texts) >= 100
    assert len(cases) >= 100
    assert {rule.id for rule in RULES} == {each["rule"] for each in cases}
    assert false_alarms == []
    assert misses == []


@pytest.mark.parametrize(("language", "missed", "false"), [("de", 5, 1), ("es", 3, 0)])
def test_texts_the_rules_were_not_tuned_on(
    language: str, missed: int, false: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rates to expect of other texts: evaluated once, and no rule is tuned on them."""
    on = ("en", language)
    cases, texts = vignettes(f"_{language}", UNTUNED), ordinary(f"_{language}", UNTUNED)
    misses = [each["text"] for each in cases if each["rule"] not in ids(each["text"], on)]
    false_alarms = [text for text in texts if ids(text, on)]
    with capsys.disabled():
        print(  # noqa: T201  the numbers are the point of this test
            f"\nnotices, {language}, untuned: {len(false_alarms)} false alarms on {len(texts)}, "
            f"{len(misses)} misses on {len(cases)}"
        )

    assert len(misses) <= missed
    assert len(false_alarms) <= false


@pytest.mark.parametrize("language", ["de", "es"])
def test_letters_without_their_marks_are_understood(language: str) -> None:
    """As typed on a foreign keyboard or in a hurry."""
    for each in vignettes(f"_{language}"):
        assert each["rule"] in ids(each["text"].translate(PLAIN), ("en", language)), each["text"]


def test_every_rule_has_vignettes() -> None:
    """The corpus speaks of each rule at least five times."""
    told = [each["rule"] for each in VIGNETTES]

    assert {rule.id for rule in RULES} == set(told)
    assert min(told.count(rule.id) for rule in RULES) >= 5


def told(text: str, **options: Any) -> Sequence[Mapping[str, str]]:
    """The notices for one text."""
    return Labels.of(Disclaimer.of(), **options).screen([text]).notices


def test_a_notice_says_what_it_is() -> None:
    """Id, kind, a sentence with the contact, and that it is no triage; never the matched text."""
    (notice,) = told(
        "Mrs Zebra has crushing chest pain.", emergency_contact="the crash team, ext. 2222"
    )

    assert set(notice) == {"id", "type", "summary", "message", "not_triage"}
    assert notice["id"] == "MED101"
    assert notice["type"] == "emergency"
    assert "the crash team, ext. 2222" in notice["message"]
    assert notice["not_triage"].startswith("This is an automatic text match, not triage")
    assert "zebra" not in json.dumps(notice).lower()


def test_notices_do_not_depend_on_the_text() -> None:
    """Two different matches of one rule give the very same notice."""
    assert told("I have crushing chest pain.") == told("his chest hurts badly")


def test_a_contact_may_contain_braces() -> None:
    """A contact is inserted, not interpreted."""
    assert "{x}" in told("I have chest pain.", emergency_contact="{x}")[0]["message"]


def test_several_rules_speak_in_their_order() -> None:
    """A text may raise more than one flag; each at most once."""
    text = "I took 40 paracetamol to kill myself. I want to die. He isn't breathing."

    assert ids(text) == ["MED104", "MED105", "MED113"]


def test_rules_can_be_chosen() -> None:
    """An operator's list replaces the default one."""
    assert RedFlags(RULES[1:], ("en",)).raised("I have chest pain.") == []


@pytest.mark.parametrize("text", ["", " ", "\n\n", "chest", "\x00", "ẞ" * 50, "\ud800"])
def test_any_text_is_taken(text: str) -> None:
    """Empty, odd and broken texts give no notice and no error."""
    assert ids(text) == []


def test_case_and_typography_make_no_difference() -> None:
    """Capitals, curly apostrophes, forgotten ones and wrapped lines."""
    for text in (
        "I CAN'T BREATHE",
        "I can\u2019t breathe",
        "i cant breathe",
        "I can't\r\n\t breathe",
    ):
        assert ids(text) == ["MED107"]
    assert ids("I think im having a heart \n attack") == ["MED101"]


GERMAN = [
    ("MED101", "Ich habe starke Brustschmerzen, die in den Arm ausstrahlen."),
    ("MED102", "Sein Mundwinkel hängt und er spricht undeutlich."),
    ("MED103", "Meine Zunge ist geschwollen nach einem Wespenstich."),
    ("MED104", "Ich will nicht mehr leben."),
    ("MED105", "Sie hat 30 Tabletten geschluckt."),
    ("MED107", "Er bekommt keine Luft!"),
]
SPANISH = [
    ("MED101", "Tengo un dolor fuerte en el pecho."),
    ("MED102", "Tiene la cara torcida y no puede mover el brazo."),
    ("MED103", "Se le hinchan los labios y la lengua hinchada."),
    ("MED104", "Quiero morir."),
    ("MED105", "Se ha tomado 40 pastillas."),
    ("MED107", "No puedo respirar."),
]


@pytest.mark.parametrize(
    ("language", "rule", "text"),
    [*(("de", *each) for each in GERMAN), *(("es", *each) for each in SPANISH)],
)
def test_other_languages_are_off_until_switched_on(language: str, rule: str, text: str) -> None:
    """German and Spanish tables exist for every rule, and cost nothing until they are wanted."""
    assert ids(text) == []
    assert rule in ids(text, ("en", language))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Keine Brustschmerzen, keine Atemnot."),
        ("de", "Was sind die Anzeichen für einen Schlaganfall?"),
        ("de", "Mein Vater hatte vor Jahren starke Brustschmerzen."),
        ("de", "Sie verneint Suizidgedanken."),
        ("de", "Ärztin: Hatten Sie einmal starke Brustschmerzen? Patient: Nie."),
        ("es", "Doctora: ¿Tiene dolor en el pecho? Paciente: No."),
        ("es", "Niega dolor torácico."),
        ("es", "¿Cuáles son los síntomas de la anafilaxia?"),
        ("es", "Mi padre tuvo una sobredosis hace años."),
        ("es", "Paciente sin dificultad para respirar."),
    ],
)
def test_mere_talk_in_other_languages_stays_quiet(language: str, text: str) -> None:
    """Negation, history, family and general questions, as in English."""
    assert ids(text, ("en", language)) == []


def test_every_file_is_a_rule_in_the_order_of_the_ids() -> None:
    """A file that is not read would be a rule that never fires."""
    folder = Path(gateway.safety.red_flags.rules.__file__).parent

    assert len(RULES) == len(list(folder.glob("*.toml")))
    free = [name for at in range(99) if (name := f"MED{101 + at}") != VITAL_SIGNS]
    assert [rule.id for rule in RULES] == free[: len(RULES)]


def test_rules_are_well_formed() -> None:
    """Unique ids, and sentences with the contact in every language."""
    assert len({rule.id for rule in RULES}) == len(RULES)
    for language in LANGUAGES:
        for words in built_in(language).notices.values():
            for message in (words.clinician, words.patient):
                assert "{contact}" in message
                assert message.endswith(".")


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_the_cheap_looks_hide_nothing(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sieve that lets every sign through, the corpus gives the same notices."""
    suffix = "" if language == "en" else f"_{language}"
    texts = [*ordinary(suffix), *(each["text"] for each in vignettes(suffix))]
    told = [ids(text, (language,)) for text in texts]
    everywhere = RedFlags(RULES, (language,))
    monkeypatch.setattr(Prefilter, "hits", lambda sieve, _: sieve._all)

    assert [[rule.id for rule in everywhere.raised(text)] for text in texts] == told


HOSTILE = [
    "chest ",
    "chest hurts the ",
    "no ",
    "took 40 took ",
    "fever. confused baby. ",
    "child son took 12 ",
    "a",
    "\n",
    ".,",
    "my face my face ",
    "what chest pain if a ",
    "denies chest pain, ",
    "i want to want to ",
]


def seconds(text: str, languages: Sequence[str] = ("en", "de", "es")) -> float:
    """The best of three, in CPU seconds."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        ids(text, languages)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_on_hostile_text(piece: str) -> None:
    """Four times the text takes about four times the processor time."""
    short, long = (seconds((piece * (size // len(piece) + 1))[:size]) for size in (8_192, 32_768))

    assert long < 10 * short + 0.005


def test_an_ordinary_prompt_takes_no_time() -> None:
    """4 KB of plain prose: far below what one token costs (about 0.1 ms here)."""
    prose = "The committee reviewed the quarterly report about vaccination and its costs. " * 54

    assert seconds(prose, ("en",)) < 0.002


def test_the_work_of_a_long_conversation_is_bounded() -> None:
    """Lines run, not seconds: eight times the turns after an emergency are no more work, and the
    notice stays where nothing resolves it within reach."""
    turns = ["I have crushing chest pain now.", *["The potassium is four. " * 100] * 160]
    few, many = lines_to_screen(turns[:21]), lines_to_screen(turns)

    assert many < 2 * few
    assert [rule.id for rule in still_raised(turns, ("en",))[0]]
    assert not still_raised([*turns, "The chest pain has gone."], ("en",))[0]


def lines_to_screen(turns: list[str]) -> int:
    """Return how many lines of Python it takes to screen a conversation."""
    return lines_run(lambda: still_raised(turns, ("en",)))
