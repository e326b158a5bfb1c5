"""Compare two evaluations on the same questions by paired tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from assurance.evaluation.logs import Evaluation, LoggedAnswer
from assurance.evaluation.statistics import LEVEL, Z, mcnemar
from launcher.errors import LauncherError

HALF: Final = 0.5  # a fractional score counts as right from here on
Pair = tuple[LoggedAnswer, LoggedAnswer]


class NotComparable(LauncherError):
    """The evaluations have different questions."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One task: how many questions it has, and how many only one evaluation had right."""

    task: str
    n: int
    only_first: int
    only_second: int
    p_adjusted: float  # McNemar's, times the number of tasks

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
    """The outcome of a comparison."""

    contrasts: tuple[Contrast, ...]
    differs_in: tuple[str, ...] = ()  # names of facts
    unscored: tuple[str, ...] = ()  # tasks where the second lacks a score: it shows no margin

    @property
    def is_different(self) -> bool:
        return any(contrast.is_different for contrast in self.contrasts)

    @property
    def largest_loss(self) -> float:
        """The share of right answers that the second may have lost in a task."""
        losses = (contrast.largest_loss for contrast in self.contrasts)
        return 1.0 if self.unscored else max(losses, default=1.0)

    @property
    def sentence(self) -> str:
        """The outcome in a sentence."""
        tasks = [contrast.task for contrast in self.contrasts if contrast.is_different]
        if tasks:
            return f"The two differ in what they have right: {', '.join(tasks)}."
        loss = f"the second may have lost up to {self.largest_loss:.0%} of right answers"
        return f"Cannot tell at this size: {loss}."


def compare_evaluations(first: Evaluation, second: Evaluation) -> Comparison:
    """Compare two evaluations. Raises NotComparable."""
    pairs = pair(first, second)
    tests = count_by_task(pairs)
    names = dict.fromkeys((*first.facts, *second.facts))
    return Comparison(
        tuple(
            Contrast(task, n, lost, won, min(1.0, len(tests) * mcnemar(lost, won)))
            for task, (n, lost, won) in tests.items()
        ),
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
    before, now = (
        {(each.task, each.id): each.task for each in evaluation.answers if each.value is not None}
        for evaluation in (first, second)
    )
    return tuple(dict.fromkeys(task for name, task in before.items() if name not in now))


def count_by_task(pairs: Sequence[Pair]) -> dict[str, tuple[int, int, int]]:
    """Return the number of questions by task, and of those that only one evaluation had right.

    Wordings of a question count as one, by their mean.
    """
    tasks: dict[str, dict[str, list[Pair]]] = {}
    for first, second in pairs:
        if first.value is not None and second.value is not None:
            name = first.family or f"item {first.id}"
            tasks.setdefault(first.task, {}).setdefault(name, []).append((first, second))
    return {task: count(list(families.values())) for task, families in tasks.items()}


def count(families: Sequence[Sequence[Pair]]) -> tuple[int, int, int]:
    """Return the number of questions, and those that only the first or the second had right."""
    right = [[is_right(answers) for answers in zip(*pairs, strict=True)] for pairs in families]
    only_first = sum(here and not there for here, there in right)
    return len(right), only_first, sum(there and not here for here, there in right)


def is_right(answers: Sequence[LoggedAnswer]) -> bool:
    """Return whether most wordings of a question are answered right."""
    return fmean(answer.value or 0.0 for answer in answers) >= HALF
