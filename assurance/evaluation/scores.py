"""The table of an evaluation: the score of each group with its interval."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from assurance.evaluation.logs import Evaluation, LoggedAnswer
from assurance.evaluation.rules.rubric import NO_JUDGE, UNTRUSTED
from assurance.evaluation.statistics import Interval, estimate

LEAST: Final = 10  # scored answers; fewer show nothing
UNREADABLE: Final = 0.5  # share of answers without a choice from which on nobody guessed


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The score of some answers; `is_guessing` if guessing would explain it."""

    task: str
    group: str
    items: int
    score: Interval | None
    chance: float | None
    is_guessing: bool
    reasons: dict[str, int]  # why answers were not right


def make_rows(answers: Sequence[LoggedAnswer]) -> list[ScoreRow]:
    """Return a row for each group, each language of a group that has several."""
    return [
        make_row(task, name, members)
        for task, of_task in partition(answers, lambda answer: answer.task)
        for name, members in split_task(of_task)
    ]


def split_task(answers: Sequence[LoggedAnswer]) -> Iterator[tuple[str, Sequence[LoggedAnswer]]]:
    """Yield the parts of a task that get a row."""
    for group, members in partition(answers, lambda answer: answer.group):
        yield group, members
        languages = partition(members, lambda answer: answer.language)
        for language, speakers in languages if len(languages) > 1 else ():
            yield f"{group}, {language}", speakers


def partition(
    answers: Sequence[LoggedAnswer], key: Callable[[LoggedAnswer], str]
) -> list[tuple[str, list[LoggedAnswer]]]:
    """Return the answers under each key, in the order of their first."""
    parts: dict[str, list[LoggedAnswer]] = {}
    for answer in answers:
        parts.setdefault(key(answer), []).append(answer)
    return list(parts.items())


def make_row(task: str, group: str, answers: Sequence[LoggedAnswer]) -> ScoreRow:
    scored = [answer for answer in answers if answer.value is not None]
    values = [answer.value for answer in scored if answer.value is not None]
    score = estimate(values, [answer.family for answer in scored])
    reasons = Counter(answer.reason for answer in answers if answer.value != 1)
    chance = expected_chance(answers)
    is_readable = reasons["no choice"] <= len(answers) * UNREADABLE
    is_guessing = bool(score and chance and is_readable and score.covers(chance))
    return ScoreRow(task, group, len(answers), score, chance, is_guessing, dict(reasons))


def expected_chance(answers: Sequence[LoggedAnswer]) -> float | None:
    """Return the expected score of guessing; None if a question cannot be guessed."""
    chances = [answer.chance for answer in answers if answer.chance is not None]
    return round(fmean(chances), 4) if chances and len(chances) == len(answers) else None


def find_fault(evaluation: Evaluation) -> str | None:
    """Say what is wrong with a run; None if every question was answered, and the judge follows no
    instruction in an answer."""
    if not evaluation.is_complete:
        answered = f"{evaluation.asked} of {evaluation.items} questions were answered"
        return f"{answered}: the same command, without --limit, goes on."
    if any(answer.reason == UNTRUSTED.reason for answer in evaluation.answers):
        return (
            "The judge follows instructions in answers, and nothing it says counts: name another."
        )
    return None


def summarise(evaluation: Evaluation) -> str:
    """Describe a run without fault, and what its scores lack."""
    sentences = [f"All {evaluation.items} questions were answered."]
    scored = sum(answer.value is not None for answer in evaluation.answers)
    unjudged = sum(answer.reason == NO_JUDGE.reason for answer in evaluation.answers)
    if unjudged:
        sentences.append(f"{unjudged} answers have no score, as no judge was named.")
    if scored < LEAST:
        sentences.append(f"Fewer than {LEAST} answers have a score, which shows nothing.")
    return " ".join(sentences)


def describe(row: ScoreRow) -> str:
    """Write a row for a person."""
    why = ", ".join(f"{reason} {count}" for reason, count in row.reasons.items())
    score = f"not scored: {why}" if row.score is None else f"{row.score}, n = {row.score.n}"
    guessing = "" if row.chance is None else f"guessing {row.chance:.0%}"
    same = ": cannot be told from it" if row.is_guessing else ""
    return f"{row.task:<11} {row.group:<26} {score:<28} {guessing}{same}".rstrip()
