"""Read Inspect's logs in JSON without Inspect: every answer with its score."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from assurance.evaluation.items import Item
from launcher.errors import LauncherError
from launcher.json_types import Json, JsonView

GRADES: Final = {"C": 1.0, "P": 0.5, "I": 0.0}  # Inspect's letters
FAILED: Final = "failed"


class LogError(LauncherError):
    """A log that cannot be read."""


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """The answer to one question; `value` is from 0 to 1, or None without a score."""

    task: str
    id: str
    value: float | None
    reason: str
    question: object
    group: str = ""
    language: str = "en"
    family: str = ""
    chance: float | None = None  # the expected score of guessing


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All answers of one run; `facts` describe the model, the service and the options."""

    facts: JsonView
    answers: tuple[LoggedAnswer, ...]
    asked: int  # questions that were answered
    items: int  # questions that the tasks have

    @property
    def is_complete(self) -> bool:
        """Return whether every question of every task was answered."""
        return self.asked == self.items


def read_evaluation(place: Path) -> Evaluation:
    """Return the last log of each task in a folder, or one log. Raises LogError."""
    files = [place] if place.is_file() else sorted(place.glob("*.json"))
    logs = {log["eval"]["task"]: log for log in map(read_log, files) if "samples" in log}
    if not logs:
        raise LogError(f"{place} has no log of Inspect in JSON: see `inspect log convert`.")
    try:
        answers = tuple(answer for log in logs.values() for answer in read_answers(log))
        items = sum(count_items(log["eval"]) for log in logs.values())
        facts = [read_facts(log["eval"]) for log in logs.values()]
    except (KeyError, TypeError, AttributeError, ValidationError):
        raise LogError(f"{place} has a log that this version cannot read.") from None
    asked = sum(answer.reason != FAILED for answer in answers)
    return Evaluation(facts[0], answers, asked, items)


def read_log(file: Path) -> Json:
    """Parse one file; return nothing for Inspect's other JSON files. Raises LogError."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        raise LogError(f"{file} cannot be read: name a folder of Inspect's logs in JSON.") from None
    return document if isinstance(document, dict) and "eval" in document else {}


def count_items(spec: JsonView) -> int:
    """Return the number of questions of a task, those that `--limit` left out included."""
    return int(spec["dataset"]["samples"] * spec["config"].get("epochs", 1))


def read_facts(spec: JsonView) -> Json:
    served = (spec.get("metadata") or {}).get("served") or {}
    grader = (spec.get("model_roles") or {}).get("grader")
    judge = {"judge": grader["model"]} if isinstance(grader, dict) else {}
    return {"model": spec["model"], **judge, **served, **(spec.get("model_generate_config") or {})}


def read_answers(log: JsonView) -> Iterator[LoggedAnswer]:
    for sample in log["samples"] or ():
        epoch = sample.get("epoch", 1)
        value, reason = read_score(sample)
        yield LoggedAnswer(
            task=log["eval"]["task"],
            id=f"{sample['id']}" if epoch == 1 else f"{sample['id']}:{epoch}",
            value=value,
            reason=reason,
            question=strip_ids(sample["input"]),
            **read_item(sample.get("metadata") or {}),
        )


def read_item(metadata: JsonView) -> Json:
    """Return the fields of the item; samples of other data sets have no item."""
    if "item" not in metadata:
        return {}
    item = Item.model_validate(metadata["item"])
    fields = ("group", "language", "family", "chance")
    return {name: getattr(item, name) for name in fields}


def strip_ids(question: Any) -> object:
    """Return a question without the message ids, which differ in every run."""
    if isinstance(question, str):
        return question
    return [(turn["role"], turn["content"]) for turn in question]


def read_score(sample: JsonView) -> tuple[float | None, str]:
    """Return the first score of a sample, with its reason."""
    score = next(iter((sample.get("scores") or {}).values()), None)
    if sample.get("error") or score is None:
        return None, FAILED
    value, reason = score["value"], score.get("reason") or ""
    if isinstance(value, str):
        return GRADES.get(value), reason
    return (float(value) if math.isfinite(value) else None), reason  # Inspect's missing one is NaN
