"""Results of a run: a record of each item, and the estimates of each group of them. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from assurance.evaluation import statistics
from assurance.evaluation.items import Item
from assurance.evaluation.job import Task
from assurance.evaluation.statistics import Interval
from launcher.json_types import Json, JsonView

LEFT: Final = "not asked"
FAILED: Final = "failed"
UNREADABLE: Final = 0.5  # of a group without a readable choice: nobody guessed there


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of one item in one task; no text of question or answer."""

    task: str
    suite: str
    group: str
    id: str
    language: str
    family: str
    value: float | None
    reason: str
    answer: str | None = None
    digest: str = ""
    chance: float | None = None
    kind: str = ""  # of its rule


def records(tasks: Sequence[Task], found: Iterable[JsonView]) -> list[Record]:
    """Return a record of every item; one that no event tells of was not asked."""
    told = {(event["task"], event["id"]): event for event in found}
    return [
        record(task, item, told.get((task.name, item.id), {}))
        for task in tasks
        for item in task.items
    ]


def record(task: Task, item: Item, told: JsonView) -> Record:
    """Return the record of one item."""
    return Record(
        task=task.name,
        suite=task.suite,
        group=item.group,
        id=item.id,
        language=item.language,
        family=item.family,
        value=told.get("value"),
        reason=told.get("reason", LEFT),
        answer=told.get("answer"),
        digest=told.get("digest", ""),
        chance=item.chance,
        kind=item.rule.kind,
    )


def groups(records: Sequence[Record]) -> list[Json]:
    """Return the estimate of each group, and of each of its languages where it has several.

    Robustness counts its single requests: those of the batch are compared with them instead.
    """
    counted = [record for record in records if record.task != "robustness-batch"]
    rows = [
        row(name, members)
        for name, members in by(counted, lambda record: (record.suite, record.group))
    ]
    for name, members in by(counted, lambda record: (record.suite, record.group, record.language)):
        if len({each.language for each in counted if (each.suite, each.group) == name[:2]}) > 1:
            rows.append(row(name, members))
    return rows


def summary(records: Sequence[Record]) -> list[Json]:
    """Return the figures that a model card shows: knowledge by its sets, the others whole, and
    agreement."""
    counted = [record for record in records if record.suite != "robustness"]
    named = by(
        counted, lambda record: (record.suite, record.group if record.suite == "knowledge" else "")
    )
    figures = [figure(" ".join(name).strip(), measure_of(of), estimate(of)) for name, of in named]
    agreed = [(entry["of"], Interval(**entry["agreement"])) for entry in agreement(records)]
    return figures + [
        figure("robustness", f"same answer, {of}", interval) for of, interval in agreed
    ]


def figure(name: str, measure: str, interval: Interval | None) -> Json:
    """Return one figure with its interval; without a value where nothing was scored."""
    ends = asdict(interval) if interval else {"n": 0, "value": None, "low": None, "high": None}
    return {"name": name, "measure": measure, **ends}


def measure_of(records: Sequence[Record]) -> str:
    """Say what a figure of these records is, and what guessing would give."""
    chance = chance_of(records)
    return f"right answers, guessing {chance:.0%}" if chance else "mean score"


def estimate(records: Sequence[Record]) -> Interval | None:
    """Return the estimate of some records, wordings of one question as one."""
    counted = [record for record in records if record.value is not None]
    return statistics.estimate(scored(counted), [record.family for record in counted])


def scored(records: Iterable[Record]) -> list[float]:
    """Return the scores there are."""
    return [record.value for record in records if record.value is not None]


def by(
    records: Iterable[Record], key: Callable[[Record], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Record]]]:
    """Return the records under each key, in the order of their first."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return list(groups.items())


def row(name: tuple[str, ...], records: Sequence[Record]) -> Json:
    """Return counts, reasons, interval and chance level of some records."""
    values = scored(records)
    interval = estimate(records)
    chance = chance_of(records)
    reasons = [
        record.reason for record in records if record.reason not in ("right", "wrong", "judged")
    ]
    is_readable = reasons.count("no choice") <= len(records) * UNREADABLE
    return {
        "suite": name[0],
        "group": name[1],
        "language": name[2] if len(name) > 2 else None,
        "items": len(records),
        "scored": len(values),
        "score": asdict(interval) if interval else None,
        "chance": chance,
        "is_at_chance": interval.holds(chance) if interval and chance and is_readable else None,
        "reasons": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
    }


def chance_of(records: Sequence[Record]) -> float | None:
    """Return the expected score of guessing; None where some item cannot be guessed."""
    levels = [record.chance for record in records if record.chance is not None]
    whole = levels and len(levels) == len(records)
    return round(sum(levels) / len(levels), 4) if whole else None


def agreement(records: Sequence[Record]) -> list[Json]:
    """Return how far answers that should be alike are: of one family, alone and in the batch."""
    alone = [record for record in records if record.task == "robustness-alone"]
    batch = {record.id: record for record in records if record.task == "robustness-batch"}
    families = [
        [member for member in members if member.value is not None and member.answer]
        for _, members in by(
            (record for record in alone if record.family), lambda record: (record.family,)
        )
    ]
    alike = [
        len({record.answer for record in family}) == 1 for family in families if len(family) > 1
    ]
    pairs = [same(record, batch[record.id]) for record in alone if record.id in batch]
    return [
        {"of": name, "agreement": asdict(interval)}
        for name, interval in (
            ("paraphrases of a question", share(alike)),
            ("alone and in a full batch", share([pair for pair in pairs if pair is not None])),
        )
        if interval
    ]


def same(first: Record, second: Record) -> bool | None:
    """Return whether two answers to one item are the same; None where one is missing."""
    if not (first.digest and second.digest):
        return None
    return first.digest == second.digest


def share(claims: Sequence[bool]) -> Interval | None:
    """Return the share of claims that hold."""
    return statistics.wilson(sum(claims), len(claims))
