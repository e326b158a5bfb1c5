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
    told = {(one["task"], one["id"]): one for one in found}
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
    counted = [one for one in records if one.task != "robustness-batch"]
    found = [row(name, one) for name, one in by(counted, lambda one: (one.suite, one.group))]
    for name, one in by(counted, lambda one: (one.suite, one.group, one.language)):
        if len({each.language for each in counted if (each.suite, each.group) == name[:2]}) > 1:
            found.append(row(name, one))
    return found


def summary(records: Sequence[Record]) -> list[Json]:
    """Return the figures that a model card shows: knowledge by its sets, the others whole, and
    agreement."""
    counted = [one for one in records if one.suite != "robustness"]
    named = by(counted, lambda one: (one.suite, one.group if one.suite == "knowledge" else ""))
    found = [figure(" ".join(name).strip(), measure_of(of), estimate(of)) for name, of in named]
    agreed = [(one["of"], Interval(**one["agreement"])) for one in agreement(records)]
    return found + [figure("robustness", f"same answer, {of}", one) for of, one in agreed]


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
    counted = [one for one in records if one.value is not None]
    return statistics.estimate(scored(counted), [one.family for one in counted])


def scored(records: Iterable[Record]) -> list[float]:
    """Return the scores there are."""
    return [one.value for one in records if one.value is not None]


def by(
    records: Iterable[Record], key: Callable[[Record], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Record]]]:
    """Return the records under each key, in the order of their first."""
    found: dict[tuple[str, ...], list[Record]] = {}
    for one in records:
        found.setdefault(key(one), []).append(one)
    return list(found.items())


def row(name: tuple[str, ...], records: Sequence[Record]) -> Json:
    """Return counts, reasons, interval and chance level of some records."""
    values = scored(records)
    interval = estimate(records)
    chance = chance_of(records)
    reasons = [one.reason for one in records if one.reason not in ("right", "wrong", "judged")]
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
        "reasons": {one: reasons.count(one) for one in dict.fromkeys(reasons)},
    }


def chance_of(records: Sequence[Record]) -> float | None:
    """Return the expected score of guessing; None where some item cannot be guessed."""
    levels = [one.chance for one in records if one.chance is not None]
    whole = levels and len(levels) == len(records)
    return round(sum(levels) / len(levels), 4) if whole else None


def agreement(records: Sequence[Record]) -> list[Json]:
    """Return how far answers that should be alike are: of one family, alone and in the batch."""
    alone = [one for one in records if one.task == "robustness-alone"]
    batch = {one.id: one for one in records if one.task == "robustness-batch"}
    families = [
        [one for one in members if one.value is not None and one.answer]
        for _, members in by((one for one in alone if one.family), lambda one: (one.family,))
    ]
    alike = [len({one.answer for one in family}) == 1 for family in families if len(family) > 1]
    pairs = [same(one, batch[one.id]) for one in alone if one.id in batch]
    return [
        {"of": name, "agreement": asdict(interval)}
        for name, interval in (
            ("paraphrases of a question", share(alike)),
            ("alone and in a full batch", share([one for one in pairs if one is not None])),
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
