"""The evaluation report: its content, its verdict and its signature."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from assurance.evaluation import constants, results
from assurance.evaluation.items import Item
from assurance.evaluation.job import BATCH, Asking, Task
from assurance.evaluation.results import FAILED, LEFT, Record
from assurance.evaluation.subject import Subject
from assurance.evaluation.suites import CALIBRATION, Source
from assurance.reports.signature import Signature
from launcher.json_types import Json, JsonView

FORMAT: Final = "mmhie-evaluation-1"
SIGNATURE: Final = Signature(FORMAT, "evaluation")
UNKEYED: Final = "plain"
LEAST: Final = 10  # items with a score of a complete evaluation: fewer show nothing


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """The subject of an evaluation, how it was asked, and on which items."""

    subject: Subject
    asking: Asking
    sources: Sequence[Source]
    options: JsonView  # limit and minutes
    logs: Path
    tasks: Sequence[Task] = ()
    examples: Sequence[JsonView] = ()


def document(run: EvaluationRun, records: Sequence[Record], time: str, key: str | None) -> Json:
    """Return the report's content, without its signature."""
    calibration = results.calibration(records)
    left = sum(record.reason in (LEFT, FAILED) for record in records)
    records = [record for record in records if record.suite != CALIBRATION]
    scored = len(results.scored(record for record in records if record.task != BATCH))
    groups = results.groups(records, constants_of(run.tasks))
    subgroups = results.subgroups(records)
    different = [part["subgroup"] for part in subgroups if part["apart_from"]]
    said = (
        verdict(groups, len(records), left),
        limited(run.options["limit"], scored),
        named("Answered differently by subgroup", different),
    )
    return {
        "format": FORMAT,
        "time": time,
        "version": version("mmhie-server"),
        "is_complete": not left and run.options["limit"] is None and scored >= LEAST,
        "verdict": " ".join(filter(None, said)),
        "served": asdict(run.subject),
        "asking": {**asdict(run.asking), **run.options},
        "sources": [
            {
                "suite": source.suite,
                "name": source.name,
                "is_own": source.is_own,
                "sha256": source.digest,
            }
            for source in run.sources
        ],
        "logs": logs(run.logs),
        "digests": key_id(key),
        "suites": results.summary(records),
        "groups": groups,
        "subgroups": subgroups,
        "examples": list(run.examples),
        "calibration": calibration,
        "agreement": results.agreement(records),
        "items": [asdict(record) for record in records],
    }


def verdict(groups: Sequence[JsonView], items: int, left: int) -> str:
    """Return the outcome in a sentence; figures stand in the table, with their intervals."""
    asked = f"All {items} items were asked."
    if left:
        asked = f"{items - left} of {items} items were asked; --resume asks the rest."
    scored = {group["suite"] for group in groups if group["scored"]}
    unscored = dict.fromkeys(group["suite"] for group in groups if group["suite"] not in scored)
    said = (asked, *guesses(groups), named("Without a score", unscored))
    return " ".join(filter(None, said))


def guesses(groups: Sequence[JsonView]) -> Iterator[str]:
    """Name the groups that show no knowledge."""
    for name, source in (("chance", "guessing"), ("constant", "one answer to every question")):
        names = [
            group["group"]
            for group in groups
            if group["is_at_chance"] and not group["language"] and group[name] is not None
        ]
        yield named(f"Cannot be told from {source} at this size", names)


def constants_of(tasks: Sequence[Task]) -> Mapping[tuple[str, ...], float | None]:
    """Return what one answer to every question scores, by suite and group."""
    groups: dict[tuple[str, ...], list[Item]] = {}
    for task in tasks:
        for item in task.items:
            if task.name != BATCH:
                groups.setdefault((task.suite, item.group), []).append(item)
    return {name: constants.best(items) for name, items in groups.items()}


def limited(limit: int | None, scored: int) -> str:
    """Say that a part of the items, or a few, prove nothing of the rest."""
    if limit:
        return f"At most {limit} items of each set: not a complete evaluation."
    few = f"Fewer than {LEAST} items have a score: not a complete evaluation."
    return few if scored < LEAST else ""


def named(what: str, names: Iterable[str]) -> str:
    """Say what is so of these; nothing of none."""
    listed = ", ".join(names)
    return f"{what}: {listed}." if listed else ""


def logs(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each of Inspect's logs, by its name in the folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.glob("*/*.eval"))
    }


def key_id(key: str | None) -> str:
    """Return which key the answers' digests were made with, without telling it."""
    if not key:
        return UNKEYED
    return hmac.new(key.encode(), b"digests of answers", hashlib.sha256).hexdigest()[:12]
