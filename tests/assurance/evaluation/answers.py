"""Evaluations made of answers, without a run."""

from collections.abc import Sequence
from typing import Any

from assurance.evaluation.logs import Evaluation, LoggedAnswer

FACTS = {"model": "m", "revision": "r1", "quantization": "mxfp4"}


def answer(number: int, value: float | None, **changed: Any) -> LoggedAnswer:
    """Return the answer to a question."""
    fields = {
        "task": "safety", "id": f"i{number}", "group": "doses", "value": value,
        "reason": "right" if value else "wrong", "question": f"q{number}",
    }  # fmt: skip
    return LoggedAnswer(**fields | changed)


def evaluation(
    answers: Sequence[LoggedAnswer], items: int | None = None, **facts: Any
) -> Evaluation:
    """Return a run with these answers."""
    all_items = len(answers) if items is None else items
    return Evaluation({**FACTS, **facts}, tuple(answers), len(answers), all_items)
