"""Compare two evaluations on the same questions: paired tests, and the share of equal answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from assurance.evaluation.logs import Evaluation, LoggedAnswer
from assurance.evaluation.rules.reply import normal
from assurance.evaluation.statistics import (
    LEVEL,
    Interval,
    Z,
    detectable,
    holm,
    mcnemar,
    wilson,
)
from launcher.errors import LauncherError

HALF: Final = 0.5  # a fractional score counts as right from here on
Pair = tuple[LoggedAnswer, LoggedAnswer]
Scores = tuple[float, float]


class NotComparable(LauncherError):
    """The evaluations have different questions."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One task: how many questions only one evaluation had right, and the p value of that."""

    task: str
    n: int
    only_first: int
    only_second: int
    p: float
    p_adjusted: float

    @property
    def largest_loss(self) -> float:
        """The upper end of the interval of the share of right answers that the second lost."""
        share = (self.only_first - self.only_second) / self.n
        spread = (self.only_first + self.only_second + 1) / self.n - share * share
        return share + Z * math.sqrt(spread / self.n)

    @property
    def is_different(self) -> bool:
        return self.p_adjusted < LEVEL


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of a comparison.

    `same`: the share of equal answers. `p_same`: McNemar's p of the questions that either the
    second evaluation or a repeated one of the first service answers as the first does.
    `differs_in`: the facts that differ. `unscored`: the tasks in which the second evaluation lacks
    a score that the first has; no margin can then be shown.
    """

    contrasts: tuple[Contrast, ...]
    same: Interval | None
    p_same: float | None = None
    differs_in: tuple[str, ...] = ()
    unscored: tuple[str, ...] = ()

    @property
    def is_different(self) -> bool:
        """Return whether right answers differ, or more answers than in a repeated evaluation."""
        is_other = self.p_same is not None and self.p_same < LEVEL
        return is_other or any(contrast.is_different for contrast in self.contrasts)

    @property
    def sentence(self) -> str:
        """The outcome in a sentence."""
        tasks = [contrast.task for contrast in self.contrasts if contrast.is_different]
        if tasks:
            return f"The two differ in what they have right: {', '.join(tasks)}."
        if self.is_different:
            return "The answers of the two differ more than the first service's own."
        return (
            f"Cannot tell at this size: a difference below {self.detectable:.0%} of right answers "
            "would not have been found."
        )

    @property
    def detectable(self) -> float:
        """The smallest difference that the comparison finds with a power of 80 %."""
        sizes = ((each.only_first + each.only_second, each.n) for each in self.contrasts)
        return min((detectable(discordant, n) for discordant, n in sizes), default=1.0)

    def is_within(self, margin: float) -> bool:
        """Return whether in every task the second is shown to lose less than this."""
        is_whole = bool(self.contrasts) and not self.unscored
        return is_whole and all(contrast.largest_loss < margin for contrast in self.contrasts)


def compare(
    first: Evaluation, second: Evaluation, repeated: Evaluation | None = None
) -> Comparison:
    """Compare two evaluations; `repeated` is a second one of the first service.

    Raises NotComparable.
    """
    pairs = pair(first, second)
    tests = {task: count(scores) for task, scores in scores_by_task(pairs).items()}
    p_values = {task: mcnemar(*discordant) for task, (_, *discordant) in tests.items()}
    adjusted = holm(p_values)
    names = dict.fromkeys((*first.facts, *second.facts))
    equal = are_equal(pairs)
    return Comparison(
        tuple(Contrast(task, *tests[task], p_values[task], adjusted[task]) for task in tests),
        wilson(sum(equal.values()), len(equal)),
        compare_repetition(are_equal(pair(first, repeated)), equal) if repeated else None,
        tuple(name for name in names if first.facts.get(name) != second.facts.get(name)),
        unscored(first, second),
    )


def pair(first: Evaluation, second: Evaluation) -> list[Pair]:
    """Return the questions that both evaluations asked. Raises NotComparable."""
    others = {(answer.task, answer.id): answer for answer in second.answers}
    named = [(answer, others.get((answer.task, answer.id))) for answer in first.answers]
    pairs = [(answer, other) for answer, other in named if other is not None]
    if not pairs:
        raise NotComparable("The two evaluations have no question in common.")
    for answer, other in pairs:
        if answer.question != other.question:
            raise NotComparable(f"The two have different questions in {answer.task}.")
    return pairs


def unscored(first: Evaluation, second: Evaluation) -> tuple[str, ...]:
    """Return the tasks with a question that has a score in the first evaluation only."""
    scored = {(each.task, each.id) for each in second.answers if each.value is not None}
    lost = (
        answer.task
        for answer in first.answers
        if answer.value is not None and (answer.task, answer.id) not in scored
    )
    return tuple(dict.fromkeys(lost))


def scores_by_task(pairs: Sequence[Pair]) -> dict[str, list[Scores]]:
    """Return both scores of each question by task; wordings of a question count as one, by mean."""
    tasks: dict[str, dict[str, list[Scores]]] = {}
    for first, second in pairs:
        if first.value is not None and second.value is not None:
            families = tasks.setdefault(first.task, {})
            name = first.family or f"item {first.id}"
            families.setdefault(name, []).append((first.value, second.value))
    return {
        task: [
            (fmean(a for a, _ in scores), fmean(b for _, b in scores))
            for scores in families.values()
        ]
        for task, families in tasks.items()
    }


def count(scores: Sequence[Scores]) -> tuple[int, int, int]:
    """Return the number of questions, and those that only the first or the second had right."""
    right = [(first >= HALF, second >= HALF) for first, second in scores]
    only_first = sum(here and not there for here, there in right)
    return len(right), only_first, sum(there and not here for here, there in right)


def are_equal(pairs: Sequence[Pair]) -> dict[tuple[str, str], bool]:
    """Return, for each question that both answered, whether the answers are equal."""
    return {
        (first.task, first.id): normal(first.text) == normal(second.text)
        for first, second in pairs
        if first.text and second.text
    }


def compare_repetition(
    again: Mapping[tuple[str, str], bool], other: Mapping[tuple[str, str], bool]
) -> float:
    """Return McNemar's p of the questions that only one of two evaluations answers as the first."""
    both = [(again[name], other[name]) for name in again.keys() & other.keys()]
    return mcnemar(sum(a and not b for a, b in both), sum(b and not a for a, b in both))
