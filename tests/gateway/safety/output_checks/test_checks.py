"""Each check finds what it is for, and is silent where all is right."""

import random
import re
import typing
from itertools import chain

import pytest

from gateway.safety.output_checks.checks import CHECKS, checks_for
from gateway.safety.output_checks.drugs import by_name, mentions, traces, traces_in
from gateway.safety.output_checks.quantities import numbers
from gateway.settings.checks import OutputCheck
from tests.gateway.safety.output_checks.cases import HITS, LETTER, NEAR_MISSES, Case
from tests.growth import growth

NAMES: tuple[OutputCheck, ...] = typing.get_args(OutputCheck)
HOSTILE = (
    *("left ", "1,", "1.", "one ", "one . ", "aspirin ", "aspirin 5 mg ", "allergic to "),
    "allergies: ",
    *("doi:", "pmid 1-", "ignore all ", "a-", "\n### ", "5 ", ". ", "left a b knee "),
    *("daily ", "pen-allergic ", "pmid    ", "\n", "a-b", "hr 1", "old ", "every ", "r "),
)
ACCENTED = "\N{LATIN SMALL LETTER E WITH ACUTE}"
BETWEEN = (" ", "-", "_", ". ", ", ", "\n", ACCENTED, "1", "/", " 5 mg ")
WRONG: tuple[OutputCheck, ...] = (
    *("number", "drug", "side", "tenfold", "limit", "omission", "reference"),
)
KB = 1024


def found(case: Case) -> list[str]:
    return checks_for((case.check,), [case.prompt]).warnings(case.answer)


def test_every_check_has_its_warning() -> None:
    """The names of the setting and of the table are the same, and no two warn alike."""
    assert tuple(CHECKS) == NAMES
    assert len({warning for warning, _ in CHECKS.values()}) == len(NAMES)


@pytest.mark.parametrize("case", HITS)
def test_a_mistake_is_found(case: Case) -> None:
    """By the check that is for it."""
    assert found(case) == [CHECKS[case.check][0]]


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_a_right_answer_is_silent(case: Case) -> None:
    """Also where it looks like a mistake."""
    assert found(case) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_check_has_hits_and_near_misses(name: OutputCheck) -> None:
    """Three of each, at least."""
    for cases in (HITS, NEAR_MISSES):
        assert sum(case.check == name for case in cases) >= 2


def test_checks_that_are_off_are_silent() -> None:
    """Only those that are named read anything."""
    wrong = "A 76-year-old on simvastatin 40 mg; ramipril 50 mg; right lower lobe; PMID 0."
    every = checks_for(NAMES, [LETTER]).warnings(wrong)

    assert every == [CHECKS[name][0] for name in WRONG]
    assert checks_for(("side",), [LETTER]).warnings(wrong) == ["side_not_in_document"]
    assert checks_for((), [LETTER]).warnings(wrong) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("one hundred and twenty", 120),
        ("one twenty over eighty", 120),
        ("ninety eight point six", 98.6),
        ("two and a half weeks", 2.5),
        ("two . five milligrams", 2.5),
        ("twenty-five", 25),
        ("1,250 ml", 1250),
        ("Twenty Mg", 20),
        ("three thousand", 3000),
    ],
)
def test_numbers_in_words(text: str, number: float) -> None:
    """As doctors say and dictate them."""
    assert number in numbers(text)


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear(piece: str) -> None:
    """Four times the text takes no more than twelve times the processor's time."""

    def check(size: int) -> None:
        text = LETTER + piece * (size // len(piece))
        checks_for(NAMES, [text]).warnings(text)

    assert growth(check, 8 * KB, 4) < 12


def written(chance: random.Random) -> str:
    """A text of a few drugs' names, whole, cut or in another case, between what may stand there."""
    kinds = sorted(frozenset().union(*(drug.kinds for drug in by_name().values())))
    names = [*chance.sample(sorted(by_name()), 3), chance.choice(kinds)]
    forms = (str.title, str.upper, str, lambda name: name[: chance.randint(3, 9)])
    parts = (
        (chance.choice(forms)(chance.choice(names)), chance.choice(BETWEEN)) for _ in range(30)
    )
    return "".join(chain.from_iterable(parts))


@pytest.mark.parametrize("number", [*range(30), 338, 514])
def test_names_and_traces_are_what_a_pattern_of_all_would_find(number: int) -> None:
    """The look-up finds what two far slower patterns do, of whole words and of their beginnings."""

    def outside(text: str, trace: str) -> str:
        """Return what is left of a text when longer names with a hyphen are taken."""
        hyphened = "|".join(name for name in every if "-" in name)
        return text if "-" in trace else re.sub(rf"(?a)\b(?:{hyphened})", "_", text)

    text = written(random.Random(number))
    every: frozenset[str] = frozenset().union(*map(traces, by_name().values()))
    names = "|".join(sorted(by_name(), key=len, reverse=True))
    whole = [match.span() for match in re.finditer(rf"(?ai)\b(?:{names})\b", text)]

    assert whole
    assert [(mention.start, mention.end) for mention in mentions(text)] == whole
    told = {
        trace
        for trace in every
        if re.search(rf"(?a)\b{re.escape(trace)}", outside(text.lower(), trace))
    }
    assert traces_in(text) == told
