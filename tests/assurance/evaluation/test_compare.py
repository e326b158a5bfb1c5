"""Two evaluations on the same questions: told apart, shown to be alike, or neither."""

from __future__ import annotations

from typing import Any

import pytest

from assurance.evaluation.compare import Comparison, NotComparable, compare_evaluations
from assurance.evaluation.logs import LoggedAnswer
from tests.assurance.evaluation.answers import answer, evaluation

RIGHT = [answer(n, 1.0) for n in range(20)]


def against(first: list[LoggedAnswer], second: list[LoggedAnswer], **facts: Any) -> Comparison:
    """Compare two evaluations of these answers."""
    return compare_evaluations(evaluation(first), evaluation(second, **facts))


def test_worse_answers_on_the_same_questions_are_told_apart() -> None:
    """By McNemar's test: ten lost and none won; the p value counts the tasks."""
    others = [answer(n, 1.0, task="records") for n in range(20)]
    worse = [answer(n, float(n >= 10)) for n in range(20)]
    comparison = against([*RIGHT, *others], [*worse, *others])
    contrast = comparison.contrasts[0]

    assert comparison.is_different
    assert (contrast.only_first, contrast.only_second) == (10, 0)
    assert contrast.p_adjusted == pytest.approx(4 / 2**10)
    assert comparison.sentence.endswith("in what they have right: safety.")


@pytest.mark.parametrize(("n", "is_within"), [(10, False), (400, True)])
def test_nothing_found_is_not_nothing_there(n: int, *, is_within: bool) -> None:
    """The sentence names the loss that these questions leave open; many show the margin."""
    both = [answer(number, float(number % 2)) for number in range(n)]
    comparison = against(both, both)

    assert not comparison.is_different
    assert comparison.sentence.startswith("Cannot tell at this size")
    assert (comparison.largest_loss < 0.05) is is_within
    assert 0 < comparison.largest_loss < 1


def test_an_answer_without_a_score_is_within_no_margin() -> None:
    """A question that the second service refuses, and a task that it was not asked."""
    many = [answer(n, 1.0) for n in range(400)]
    refused = [*many[:-1], answer(399, None, reason="failed")]
    more = [*many, answer(1, 1.0, task="records")]

    assert against(many, many).largest_loss < 0.05
    for first, second, task in ((many, refused, "safety"), (more, many, "records")):
        comparison = against(first, second)
        assert comparison.unscored == (task,)
        assert comparison.largest_loss == 1


def test_wordings_do_not_count_twice() -> None:
    """A family is one pair, right where most of its wordings are."""
    first = [answer(n, 1.0, family=f"f{n // 3}") for n in range(9)]
    second = [answer(n, float(n % 3 > 0), family=f"f{n // 3}") for n in range(9)]
    (contrast,) = against(first, second).contrasts

    assert (contrast.n, contrast.only_first, contrast.only_second) == (3, 0, 0)


def test_facts_that_differ_are_named() -> None:
    """An adapter with other weights, though its answers are the same here."""
    comparison = against(RIGHT, RIGHT, adapter_sha256="07e4", revision="r2")

    assert comparison.differs_in == ("revision", "adapter_sha256")


def test_other_questions_are_not_compared() -> None:
    """Another file under the same name, and nothing in common."""
    for others in ([answer(1, 1.0, question="another")], [answer(99, 1.0)]):
        with pytest.raises(NotComparable):
            against(RIGHT, others)
