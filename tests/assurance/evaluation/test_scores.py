"""The table of an evaluation: a score never stands without its interval."""

from __future__ import annotations

import pytest

from assurance.evaluation import scores, statistics
from assurance.evaluation.logs import LoggedAnswer
from assurance.evaluation.rules.rubric import NO_JUDGE, UNTRUSTED
from tests.assurance.evaluation.answers import answer, evaluation


def guessed(n: int, every: int) -> list[LoggedAnswer]:
    """Return answers to questions with four choices, one of `every` of them right."""
    return [answer(k, float(k % every == 0), chance=0.25) for k in range(n)]


def test_each_group_has_its_interval() -> None:
    """Counted without what has no score; a language has a row where a group has several."""
    answers = [
        *(answer(n, float(n < 6)) for n in range(8)),
        answer(8, None, reason="judge unclear"),
        *(
            answer(n, 1.0, group="units", language=language)
            for n, language in ((9, "en"), (10, "de"))
        ),
    ]
    rows = {row.group: row for row in scores.make_rows(answers)}

    assert set(rows) == {"doses", "units", "units, en", "units, de"}
    assert rows["doses"].score == statistics.wilson(6, 8)
    assert (rows["doses"].items, rows["doses"].reasons) == (9, {"wrong": 2, "judge unclear": 1})


@pytest.mark.parametrize(("every", "is_guessing"), [(4, True), (1, False), (99, False)])
def test_guessing_is_called_guessing(every: int, *, is_guessing: bool) -> None:
    """A score far above chance is not, nor one far below."""
    (row,) = scores.make_rows(guessed(40, every))

    assert row.chance == 0.25
    assert row.is_guessing is is_guessing
    assert ("cannot be told from it" in scores.describe(row)) is is_guessing


def test_no_figure_stands_without_its_interval() -> None:
    """In the table, every score has its two ends and its number beside it."""
    (scored,) = scores.make_rows(guessed(8, 2))
    (unscored,) = scores.make_rows([answer(1, None)])

    assert "50% (22% to 78%), n = 8" in scores.describe(scored)
    assert "not scored" in scores.describe(unscored)


def test_a_part_of_the_questions_is_a_fault() -> None:
    """So is a judge that does what an answer tells it."""
    part = evaluation([answer(n, 1.0) for n in range(20)], items=68)
    fell = evaluation([*part.answers, answer(20, None, reason=UNTRUSTED.reason)])

    assert "20 of 68 questions were answered" in str(scores.find_fault(part))
    assert str(scores.find_fault(fell)).startswith("The judge follows instructions in answers")


@pytest.mark.parametrize(
    ("scored", "unjudged", "sentence"),
    [
        (10, 0, "All 10 questions were answered."),
        (3, 0, "Fewer than 10 answers have a score"),
        (12, 56, "56 answers have no score, as no judge was named."),
    ],
)
def test_a_whole_run_says_what_it_lacks(scored: int, unjudged: int, sentence: str) -> None:
    """Few scores, and answers that only a judge could score."""
    answers = [answer(n, 1.0) for n in range(scored)]
    unscored = [answer(100 + n, None, reason=NO_JUDGE.reason) for n in range(unjudged)]
    run = evaluation([*answers, *unscored])

    assert scores.find_fault(run) is None
    assert sentence in scores.summarise(run)
