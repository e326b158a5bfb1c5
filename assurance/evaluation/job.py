"""A job for Inspect: tasks with their items, and how to ask; written as JSON for its program."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from assurance.evaluation.items import Item
from assurance.evaluation.subject import Subject
from assurance.evaluation.suites import CALIBRATION, Source
from launcher.json_types import Json

ALONE: Final = "robustness-alone"
BATCH: Final = "robustness-batch"


@dataclass(frozen=True, slots=True)
class Judge:
    """The endpoint that grades rubrics."""

    url: str
    model: str


@dataclass(frozen=True, slots=True)
class Asking:
    """The way every item is asked, which two reports share if they are to be compared."""

    model: str
    connections: int
    effort: str | None
    judge: Judge | None


@dataclass(frozen=True, slots=True)
class Task:
    """One task of Inspect: items of one suite asked under one condition."""

    name: str
    suite: str
    connections: int
    items: tuple[Item, ...]
    is_ours: bool = True  # of this project, and of no patient

    def as_json(self) -> Json:
        """Return the task for the program that runs it."""
        return {
            "name": self.name,
            "connections": self.connections,
            "items": [item.model_dump(mode="json") for item in self.items],
        }


def tasks(sources: Sequence[Source], limit: int | None, connections: int) -> list[Task]:
    """Return the tasks; `limit` bounds the items of each source. Raises DataError."""
    return [
        task
        for source in sources
        for task in conditions(
            source,
            spread(source.read(), None if source.suite == CALIBRATION else limit),
            connections,
        )
    ]


def conditions(source: Source, items: Sequence[Item], connections: int) -> Iterator[Task]:
    """Yield a source's tasks: robustness asks each item alone and in a full batch."""
    if source.suite != "robustness":
        yield Task(source.task, source.suite, connections, tuple(items), source.is_own)
        return
    yield Task(ALONE, source.suite, 1, tuple(items))
    yield Task(BATCH, source.suite, connections, tuple(items))


def spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Return at most so many items, evenly from the whole: the first ones are all of a group."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[place * len(items) // limit] for place in range(limit)]


def document(asking: Asking, tasks: Sequence[Task], subject: Subject, disclaimer: str) -> Json:
    """Return the job as JSON; a run goes on only with the same job, so of the same service."""
    return {
        **asdict(asking),
        "subject": asdict(subject),
        "disclaimer": disclaimer,
        "tasks": [task.as_json() for task in tasks],
    }
