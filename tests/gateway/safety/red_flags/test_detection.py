"""Screening as a whole: lines and their neighbours, frames, turns, topics."""

import base64
import contextlib
import html
import random
import re

import pytest

from gateway.api.request_text import Role, Turn
from gateway.safety.red_flags.detection import (
    BATCH,
    ReadTurn,
    RedFlags,
    ScoredPassage,
    detect,
    detect_in_steps,
    status_of,
)
from gateway.safety.red_flags.model import lines_of, model

PAIN = "I have crushing chest pain and I am sweating."
FRAME = "Exam question: choose the single best answer, A, B, C, D or E."
OVER = "The chest pain has resolved after nitroglycerin."
SUICIDE = "I want to kill myself tonight."
COMPANY = (
    "Thank you so much in advance for your help.",
    "Medication: ramipril 5 mg, metformin 1 g, aspirin 75 mg. Allergies: none.",
    "I take ramipril, amlodipine and metformin. I had a heart check in 2019 that was fine.",
    "What questions should I ask my doctor about it?",
)
EXAM = (
    "A 61-year-old man comes to the emergency department because of crushing chest pain. His blood "
    "pressure is 85/50 mm Hg. Which of the following is the most appropriate next step?\n"
    "A) Aspirin\nB) Heparin\nC) Angiography\nD) Observation"
)
# Without its second sentence it is a report like any other.
FRAMED = (
    "A 45-year-old man is vomiting blood and is very pale. "
    "Which of the following is the best initial step?"
)
VISIT = (
    "Doctor: Good morning, what brings you in? Patient: My knee is stiff. Doctor: Any chest pain? "
    "Patient: No. Doctor: Shortness of breath? Patient: No. Doctor: Let us look at the knee."
)


def screened(*texts: str) -> RedFlags:
    """Return the red flags in turns of one writer."""
    return detect([Turn("user", text) for text in texts], model().threshold)


@pytest.mark.parametrize("alarming_first", [True, False])
def test_two_neighbours_are_read_as_one_text(alarming_first: bool) -> None:
    """Also where one of them alone says nothing; two such are not put together."""
    read = model().emergency.read
    lines = ["crushing chest pain sweating", "blue paper printer"]
    first, second = lines if alarming_first else reversed(lines)

    assert (
        model().emergency.odds_of_both(read(first), read(second)) == read(f"{first} {second}")[-1]
    )
    quiet = read(lines[1])
    assert model().emergency.odds_of_both(quiet, quiet) == quiet[-1]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        (PAIN, "MED101"),
        (SUICIDE, "MED104"),
        ("My son swallowed a button battery", "MED105"),
        ("My baby is blue and not breathing", "MED110"),
        ("Ihr Gesicht hängt plötzlich und sie kann nicht sprechen", "MED102"),
        ("No puedo respirar y tengo los labios azules", "MED107"),
        ("Je veux mourir ce soir, j'ai pris tous mes comprimés", "MED104"),
        ("My boyfriend strangled me and I can hardly swallow", "MED126"),
        ("Mein Mann hat mich gewürgt", "MED126"),
        ("I got drain cleaner in my eye and it burns", "MED127"),
        ("Mio padre è svenuto e non respira", "MED113"),
        ("cant breth proply my inhaler isnt doin anythng", "MED107"),
        ("I want to die.", "MED104"),
        ("He is not breathing.", "MED113"),
        # A clause of comfort in the same sentence hides no emergency.
        ("My sister just swallowed thirty paracetamol tablets but says she feels fine.", "MED105"),
        ("My mother had chest pain an hour ago but says she is fine now.", "MED101"),
        ("My sister said she wants to die but says she is fine now.", "MED104"),
        ("My son hit his head and was knocked out, but he seems fine now.", "MED114"),
        ("Mein Sohn hat eine Knopfbatterie verschluckt, wirkt aber munter. Was jetzt?", "MED105"),
        ("Mi marido se desmayó en la ducha pero dice que está bien.", "MED113"),
        ("Mon père a eu une douleur dans la poitrine ce matin mais il dit que ça va.", "MED101"),
        ("Minha mãe teve dor no peito hoje mas diz que está bem.", "MED101"),
        # Framed passages take no place of others, and self-harm is too serious for fiction.
        (f"{EXAM}\n" * 8 + "The weather is nice. " * 20 + SUICIDE, "MED104"),
        (f"In my novel, chapter three. {SUICIDE} The scene ends.", "MED104"),
    ],
)
def test_an_emergency_is_noticed_and_named(text: str, topic: str) -> None:
    """In each language, in plain words, with typing errors, and with comforting words beside it."""
    assert topic in screened(text).now


@pytest.mark.parametrize("company", COMPANY)
@pytest.mark.parametrize("text", [PAIN, SUICIDE])
def test_ordinary_company_hides_nothing(text: str, company: str) -> None:
    """An ordinary sentence before it, after it, or around it."""
    for whole in (f"{text} {company}", f"{company} {text}", f"{company}\n{text}\n{company}"):
        assert screened(whole).now[:1] == screened(text).now[:1]


FORMS = (
    "<p>Date: 3 May 2024</p><p>{text}</p><p>Reviewed by: Dr Smith, room 4</p>",
    '17,1961-05-04,F,B2,"{text}",none,ramipril 5 mg,retired',
    '{{"patient": {{"id": 17, "birthDate": "1961-05-04"}}, "note": "{text}", "drugs": ["none"]}}',
    "| 17 | 1961-05-04 | {text} | ramipril 5 mg |",
    "seen today / {text} / room 4 / Peter from Leeds",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        "he's blue, not breathing, and there's no pulse",
        "blood is spurting out of his thigh and we can't stop it",
    ],
)
def test_a_field_of_a_form_is_a_line(text: str, form: str) -> None:
    """Tags, cells and quotes separate texts of programs as full stops do."""
    assert screened(form.format(text=text)).now


@pytest.mark.parametrize(
    "text",
    [
        r'{"note": "Seen today.\nHe\u2019s blue and there\u0027s no pulse\nRoom 4"}',
        "&lt;p&gt;Il n&rsquo;arrive plus &agrave; respirer, l&egrave;vres bleues&lt;/p&gt;",
        r"All'improvviso non vedo pi\u00f9 niente, pi\u00F9 niente dall'occhio destro",
    ],
)
def test_an_escaped_letter_is_a_letter(text: str) -> None:
    """In JSON with ASCII escapes, and in text from HTML pages."""
    plain = html.unescape(re.sub(r"\\u(\w{4})", r"&#x\1;", text).replace(r"\n", "\n"))

    assert screened(text).now
    assert lines_of(text) == lines_of(plain)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("my chest hurts a lot Which form does she need", 2),
        ("mir ist sehr schlecht Ich nehme drei Tabletten", 2),
        ("me duele mucho el pecho Está en la mesa", 2),
        ("my left arm is Theodora heavy and numb", 1),  # only begins like an opener
        ("MY CHEST HURTS WHEN I WALK TO THE SHOP", 1),  # no sentence ends in capitals
        ("my chest hurts a lot which form does she need", 1),
    ],
)
def test_an_opener_begins_a_sentence(text: str, count: int) -> None:
    """People leave out the full stop of a short text."""
    assert len(lines_of(text)) == count


def test_repeats_hide_nothing_that_follows() -> None:
    """Notes are often copied; the repetitions count only a few times."""
    copied = "Crushing chest pain going into my left arm for 20 minutes, sweating a lot.\n"

    assert {"MED101", "MED104"} <= set(screened(copied * 500 + SUICIDE).now)


@pytest.mark.parametrize("size", [8_000, 200_000])
def test_the_middle_of_a_long_text_is_read(size: int) -> None:
    """At any distance from both ends."""
    visit = "Cholesterol 5.1, blood pressure 128/76, no complaints at the last visit. "
    record = (visit * 4_000)[:size]

    assert "MED104" in screened(f"{record} {SUICIDE} {record}").now


@pytest.mark.parametrize(
    "text",
    [
        EXAM,
        FRAMED,
        VISIT,
        "What causes crushing chest pain?",
        "Denies chest pain.",
        "My dog ate a bar of chocolate, what do I do",
        "Keep the voice collaborative and natural, like a coding partner handing off work.",
        "My sister just took two ibuprofen tablets and says she feels better. What now?",
        "My mum had chest pain in 2015 but is fine now. Can she fly?",
        "My friend was stung by nettles but says she is okay.",
    ],
)
def test_what_reports_no_present_patient_is_quiet(text: str) -> None:
    """Exams, visits, general questions, denied signs, animals, prompts of developers, and people
    who are fine."""
    assert not screened(text).now


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Peanuts ten minutes ago, now the lips and tongue swell, wheezing and hives.", "MED103"),
        ("She wrote a farewell letter and wants to kill herself tonight.", "MED104"),
        ("The baby is three weeks old, floppy, pale, 39 degrees and will not feed.", "MED110"),
        ("Crushing chest pain for twenty minutes, sweating, pain in the left arm.", None),
    ],
)
def test_what_cannot_wait_is_noticed_in_an_exam_question(text: str, topic: str | None) -> None:
    """Anaphylaxis, self-harm and an ill child; another emergency is the exam's."""
    flags = screened(f"{FRAME} {text}")

    assert list(flags.now) == ([topic] if topic else [])


def test_self_harm_is_not_named_beside_something_likelier() -> None:
    """Its lower threshold counts only where nothing else is found."""
    assert screened(f"{PAIN} I can't go on like this.").now == ["MED101"]


def test_two_emergencies_keep_a_notice_each() -> None:
    """Each sentence has its own topic."""
    both = f"{PAIN} I took 30 paracetamol last night, feel fine this morning."

    assert set(screened(both).now) == {"MED101", "MED105"}


@pytest.mark.parametrize(
    "text",
    [
        "I have a patient with crushing chest pain here. What is the most likely diagnosis?",
        "My wife's face is drooping and she cannot speak. What is the next best step?",
        f"{FRAME} My wife's face is drooping and she cannot speak.",
        f"{FRAME} My father has crushing chest pain for twenty minutes and is sweating.",
    ],
)
def test_a_question_as_in_an_exam_silences_nobody_who_speaks_of_oneself(text: str) -> None:
    """Exam questions are never in the first person."""
    assert screened(text).now


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        # A later turn about the same sign: the notice stays, and says that it was raised earlier.
        ((("user", PAIN), ("user", OVER)), ([], ["MED101"], [])),
        # A system message, or a tool's result, that says it is over.
        ((("user", PAIN), ("system", OVER)), (["MED101"], [], [])),
        ((("user", PAIN), ("tool", OVER)), (["MED101"], [], [])),
        # Raised by the setting alone, it is no notice.
        ((("system", PAIN),), ([], [], ["MED101"])),
    ],
)
def test_who_says_it_decides(
    turns: tuple[tuple[Role, str], ...], expected: tuple[list[str], list[str], list[str]]
) -> None:
    """Present, resolved, or in the application's own text."""
    assert detect([Turn(*turn) for turn in turns], model().threshold) == expected


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (PAIN, "The fever has resolved."),  # another sign
        (PAIN, "I am fine now."),  # no sign
        (PAIN, "Has the pain gone?"),
        (PAIN, "It has not gone away."),
        (PAIN, "The pain in my knee has gone away, thank you."),
        ("My baby is floppy and blue and does not wake up.", "The blue toy problem is gone now."),
        ("My son swallowed a button battery", "The battery is gone now, he is fine again."),
        (SUICIDE, "I don't want to kill myself any more, it has gone now."),
        ("Ich habe zu viele Schlaftabletten genommen", "Die Schlaftabletten sind vorbei."),
    ],
)
def test_nothing_less_ends_a_notice(first: str, later: str) -> None:
    """Another sign, no sign, and topics that a statement cannot resolve."""
    assert screened(first).now
    assert screened(first, later).now[:1] == screened(first).now[:1]
    assert screened(first, later).earlier == []


SIGNS = "face speech swelling tongue suicide kill overdose tablets baby fever head fell chest pain"


@pytest.mark.parametrize(
    ("topic", "status"),
    [
        *(("MED102", "now"), ("MED103", "now"), ("MED104", "now"), ("MED105", "now")),
        *(("MED110", "now"), ("MED114", "now"), ("MED101", "earlier")),
    ],
)
def test_six_topics_cannot_be_taken_back(topic: str, status: str) -> None:
    """Though every word of them is said to be over."""
    turn, passage = ReadTurn("user", [SIGNS], ()), ScoredPassage(9.0, 0, 1)

    assert status_of(turn, topic, passage, set(SIGNS.split())) == status
    assert model().topics.signs(topic, SIGNS.split())


def test_a_notice_holds_however_many_turns_back() -> None:
    """The whole conversation is read."""
    assert screened(SUICIDE, *(["And what about my knee?"] * 50)).now == ["MED104"]


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n\n\n", "a" * 32_768, "😀 " * 5_000, "\ud800\udfff \udc00"),
        base64.b64encode(random.Random(1).randbytes(24_000)).decode(),
        "今天天气很好 你好吗 " * 500,
        "Здравствуйте, как дела? " * 500,
        "مرحبا كيف حالك " * 500,
        *("x. " * 10_000, "and then we went on " * 1_600),
    ],
)
def test_text_that_says_nothing_raises_nothing(text: str) -> None:
    """Empty, one letter, emoji, lone surrogates, data, other scripts, no stops."""
    assert not any(screened(text))


def test_no_step_reads_more_than_a_batch() -> None:
    """Other tasks run between the steps of a long text or conversation."""
    turns = [Turn("user", f"{PAIN} " * 3_000), *[Turn("user", "thank you very much")] * 1_000]
    number, steps = 0, detect_in_steps(turns, model().threshold)
    with contextlib.suppress(StopIteration):
        while True:
            next(steps)
            number += 1

    assert number > 1_000 + 3_000 // BATCH
    assert detect(turns, model().threshold).now == ["MED101"]


def test_an_empty_turn_is_a_step() -> None:
    """Ten thousand of them would block other tasks."""
    turns = [Turn("user", "")] * 100

    assert sum(1 for _ in detect_in_steps(turns, model().threshold)) >= len(turns)


@pytest.mark.parametrize("blanks", [" " * 300, "\t" * 1_000, ", " * 400, "\u00a0" * 500])
def test_long_blanks_are_no_line(blanks: str) -> None:
    """Long blanks may be anywhere within a sentence."""
    for text in (f"{PAIN[:-1]}{blanks}", f"{blanks}{PAIN}", f"{PAIN[:20]}{blanks}{PAIN[20:]}"):
        screened(f"hello{blanks}{text}{blanks}ok")
