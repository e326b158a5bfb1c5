"""Measured values are read as numbers, whatever their unit, language and age."""

import sys

import pytest

from gateway.api.request_text import Turn
from gateway.safety.red_flags.detection import detect
from gateway.safety.red_flags.measurements import (
    ADULT,
    GROUPS,
    mark_measurements,
    measurement_table,
)
from gateway.safety.red_flags.model import model


def read(text: str) -> list[str]:
    """Return the words that are inserted into a text."""
    plain = text.lower()
    marked = mark_measurements(plain.encode("latin-1")).decode("latin-1").split()
    return [word for word in marked if word not in plain and word.isalpha()]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("K 7.9", "potassiumveryhigh"),
        ("Kalium: 7,9 mmol/l", "potassiumveryhigh"),
        ("a potassium of only 2.1", "potassiumverylow"),
        ("her sugar was 25 mg/dl", "glucoseverylow"),
        ("Hb 4.1", "haemoglobinverylow"),
        ("frecuencia cardíaca 195", "pulseveryhigh"),
        ("RR 44", "breathsveryhigh"),  # the same name with one number, and with two
        ("RR 75/40", "pressureverylow"),
        ("GCS 6/15", "comaverylow"),
        ("NEWS 13", "warningscoreveryhigh"),
        ("temp 104 F", "temperatureveryhigh"),
        ("température 38,2", "temperaturehigh"),
        ("baby 3 weeks, temp 38.2", "temperatureveryhigh"),
        ("7-year-old, HR 135", "pulsenormal"),
        ("HR 135", "pulseveryhigh"),
    ],
)
def test_a_value_becomes_a_word(text: str, word: str) -> None:
    """With or without a unit, in any of the languages, by the age of the patient."""
    assert read(text) == [word]


@pytest.mark.parametrize(
    "text",
    [
        *("K2", "vitamin K 8", "K 8 mg", "glucose 5 %", "page 195, chapter 41", "HbA1c 41"),
        *("T12", "potassium 79", "1234567890 " * 3, "bus 7.9", "pulse, 195", "urine pH 6.9", ""),
    ],
)
def test_another_number_is_left_alone(text: str) -> None:
    """A dose, a name, an implausible value, and a number without a name."""
    assert read(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *("K 7.9", "glucose 1.4 mmol/l", "heart rate 195", "Hb 41", "SpO2 71"),
        *("Mein Kalium ist 7,9", "glucemia 1,4 mmol/l", "baby 3 weeks, temp 38.2"),
    ],
)
def test_a_dangerous_value_alone_is_noticed(text: str) -> None:
    """No other word says that it is dangerous."""
    assert detect([Turn("user", text)], model().threshold).now


@pytest.mark.parametrize(
    "text",
    [
        *("lactate 1.2, pH 7.40", "baby 3 weeks, temp 36.6", "K 4.1", "HR 72, BP 120/80"),
        "What is the treatment for a K of 7.9?",
        "A 61-year-old man has K 7.9. Which is the best next step? A) calcium B) insulin",
    ],
)
def test_an_ordinary_value_is_not(text: str) -> None:
    """Neither is a dangerous one in a question or an exam."""
    assert not detect([Turn("user", text)], model().threshold).now


def test_the_table_is_sound() -> None:
    """Every name is there once, every unit is known, and the bands of an age ascend."""
    table = measurement_table()
    names = [word for row in table.measurements for word in row.words]
    assert len(set(names)) == len(names)
    for row in table.measurements:
        assert set(row.units) <= set(table.units.values())
        assert set(row.bands) == {ADULT, *GROUPS}
        assert all(list(limits) == sorted(set(limits)) for limits, _ in row.bands.values())


@pytest.mark.parametrize(
    ("text", "most"), [(b"k 7.9 ", 14), (b"1 ", 0.1), (b"baby 3 weeks old k ", 0.1)]
)
def test_a_number_takes_few_calls(text: bytes, most: float) -> None:
    """Also among many: a value takes some, a long number or one without a name takes none."""
    calls: list[str] = []
    mark_measurements(text)
    sys.setprofile(lambda _frame, event, _argument: calls.append(event))
    mark_measurements(text * 500)
    sys.setprofile(None)

    assert len(calls) < most * 500
