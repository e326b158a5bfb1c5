"""Results of a run: a record of each item, and the estimates of each group of them. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from assurance.evaluation import statistics
from assurance.evaluation.explained import explain
from assurance.evaluation.items import Item
from assurance.evaluation.job import ALONE, BATCH, Task
from assurance.evaluation.statistics import Interval
from assurance.evaluation.suites import CALIBRATION
from launcher.json_types import Json, JsonView

LEFT: Final = "not asked"
FAILED: Final = "failed"
MOST_EXAMPLES: Final = 3  # of a group
EXCERPT: Final = 300  # characters of a question or an answer
HALF: Final = 0.5  # a fractional score counts as right from here on
MET: Final = "met"  # the label of an answer that meets its criterion
UNREADABLE: Final = 0.5  # of a group without a readable choice: nobody guessed there

Constants = Mapping[tuple[str, ...], float | None]  # best score of one answer to a whole group
NOTHING: Final[Constants] = {}


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
    subgroups: tuple[str, ...] = ()


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
        subgroups=item.subgroups,
    )


def groups(records: Sequence[Record], constants: Constants = NOTHING) -> list[Json]:
    """Return the estimate of each group, and of each of its languages where it has several.

    Robustness counts its single requests: those of the batch are compared with them instead.
    """
    counted = [record for record in records if record.task != BATCH]
    rows = [
        row(name, members, constants.get(name))
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
    figures += [
        figure(f"{part['suite']}, {part['subgroup']}", "mean score", Interval(**part["score"]))
        for part in subgroups(records)
    ]
    agreed = [(entry["of"], Interval(**entry["agreement"])) for entry in agreement(records)]
    return figures + [
        figure("robustness", f"same answer, {of}", interval) for of, interval in agreed
    ]


def subgroups(records: Sequence[Record]) -> list[Json]:
    """Return the score of each subgroup, and the others of its kind (what stands before the colon:
    `sex: female`) whose interval lies apart from it."""
    scores = {
        (suite, name): interval
        for suite, name in sorted({(each.suite, n) for each in records for n in each.subgroups})
        if (interval := estimate([r for r in records if r.suite == suite and name in r.subgroups]))
    }
    return [
        {
            "suite": suite,
            "subgroup": name,
            "score": asdict(interval),
            "apart_from": [
                other
                for (of, other), its in scores.items()
                if of == suite
                and other.partition(":")[0] == name.partition(":")[0]
                and (statistics.apart(its, interval) or statistics.apart(interval, its))
            ],
        }
        for (suite, name), interval in scores.items()
    ]


def examples(tasks: Sequence[Task], found: Iterable[JsonView], *, with_texts: bool) -> list[Json]:
    """Return up to three failures of each group; of a site's own items the text only if it says so,
    which may be a patient's."""
    items = {(task.name, item.id): (task, item) for task in tasks for item in task.items}
    failures: dict[tuple[str, str], list[Json]] = {}
    for event in found:
        task, item = items[event["task"], event["id"]]
        if event["value"] is None or event["value"] >= HALF or task.suite == CALIBRATION:
            continue
        shown = with_texts or task.is_ours
        failures.setdefault((task.suite, item.group), []).append(
            {
                "suite": task.suite,
                "group": item.group,
                "id": item.id,
                "reason": event["reason"],
                "question": excerpt(item.turns[-1]["content"]) if shown else None,
                "answer": excerpt(event.get("text", "")) if shown else None,
            }
        )
    return [failure for of in failures.values() for failure in of[:MOST_EXAMPLES]]


def excerpt(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def calibration(records: Sequence[Record]) -> Json | None:
    """Return how far the judge's verdicts agree with labels by hand; None without a judge. A label
    is the item's group, and an unclear verdict counts as the wrong one."""
    labelled = [record for record in records if record.suite == CALIBRATION]
    labels = [record.group == MET for record in labelled]
    verdicts = [
        not label if record.value is None else record.value == 1
        for record, label in zip(labelled, labels, strict=True)
    ]
    agreed = statistics.kappa(labels, verdicts)
    if agreed is None:
        return None
    equal = sum(label == verdict for label, verdict in zip(labels, verdicts, strict=True))
    ends = {"low": agreed.low, "high": agreed.high}
    return {"n": agreed.n, "equal": equal, "kappa": agreed.value, **ends}


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


def row(name: tuple[str, ...], records: Sequence[Record], constant: float | None = None) -> Json:
    """Return counts, reasons, interval and the score that needs no knowledge of some records."""
    values = scored(records)
    interval = estimate(records)
    chance = chance_of(records)
    known = chance if chance is not None else constant
    reasons = [
        record.reason for record in records if record.reason not in ("right", "wrong", "judged")
    ]
    is_readable = reasons.count("no choice") <= len(records) * UNREADABLE
    is_at_chance = None
    if interval and known is not None and is_readable:
        is_at_chance = interval.holds(known)
    return {
        "suite": name[0],
        "group": name[1],
        "language": name[2] if len(name) > 2 else None,
        "items": len(records),
        "scored": len(values),
        "score": asdict(interval) if interval else None,
        "chance": chance,
        "constant": None if chance is not None else constant,
        "is_at_chance": is_at_chance,
        "about": explain(name[0], name[1], [record.kind for record in records]),
        "reasons": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
    }


def chance_of(records: Sequence[Record]) -> float | None:
    """Return the expected score of guessing; None where some item cannot be guessed."""
    levels = [record.chance for record in records if record.chance is not None]
    whole = levels and len(levels) == len(records)
    return round(sum(levels) / len(levels), 4) if whole else None


def agreement(records: Sequence[Record]) -> list[Json]:
    """Return how far answers that should be alike are: of one family, alone and in the batch."""
    alone = [record for record in records if record.task == ALONE]
    batch = {record.id: record for record in records if record.task == BATCH}
    families = [
        [member for member in members if member.value is not None and member.answer]
        for _, members in by(
            (record for record in alone if record.family), lambda record: (record.family,)
        )
    ]
    alike = [
        len({record.answer for record in family}) == 1 for family in families if len(family) > 1
    ]
    pairs = [(record.digest, batch[record.id].digest) for record in alone if record.id in batch]
    same = [first == second for first, second in pairs if first and second]
    return [
        {"of": name, "agreement": asdict(interval)}
        for name, interval in (
            ("paraphrases of a question", share(alike)),
            ("alone and in a full batch", share(same)),
        )
        if interval
    ]


def share(claims: Sequence[bool]) -> Interval | None:
    """Return the share of claims that hold."""
    return statistics.wilson(sum(claims), len(claims))
