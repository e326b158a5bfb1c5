"""The evaluation report: its content, its verdict and its signature."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from assurance.evaluation import results
from assurance.evaluation.job import Asking
from assurance.evaluation.results import FAILED, LEFT, Record
from assurance.evaluation.subject import Subject
from assurance.evaluation.suites import Source
from assurance.reports.signature import Signature
from launcher.json_types import Json, JsonView

FORMAT: Final = "mmhie-evaluation-1"
SIGNATURE: Final = Signature(FORMAT, "evaluation")
UNKEYED: Final = "plain"


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """The subject of an evaluation, how it was asked, and on which items."""

    subject: Subject
    asking: Asking
    sources: Sequence[Source]
    options: JsonView  # limit and minutes
    logs: Path


def document(run: EvaluationRun, records: Sequence[Record], time: str, key: str | None) -> Json:
    """Return the report's content, without its signature."""
    left = sum(record.reason in (LEFT, FAILED) for record in records)
    groups = results.groups(records)
    return {
        "format": FORMAT,
        "time": time,
        "version": version("mmhie-server"),
        "is_complete": not left and run.options["limit"] is None,
        "verdict": verdict(groups, len(records), left) + limited(run.options["limit"]),
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
        "agreement": results.agreement(records),
        "items": [asdict(record) for record in records],
    }


def verdict(groups: Sequence[JsonView], items: int, left: int) -> str:
    """Return the outcome in a sentence; figures stand in the table, with their intervals."""
    chance = [group["group"] for group in groups if group["is_at_chance"] and not group["language"]]
    guessed = f" Cannot be told from guessing at this size: {', '.join(chance)}." if chance else ""
    scored = {group["suite"] for group in groups if group["scored"]}
    unscored = dict.fromkeys(group["suite"] for group in groups if group["suite"] not in scored)
    without = f" Without a score: {', '.join(unscored)}." if unscored else ""
    if left:
        said = f"{items - left} of {items} items were answered; --resume asks the rest."
        return f"{said}{guessed}{without}"
    return f"All {items} items were answered.{guessed}{without}"


def limited(limit: int | None) -> str:
    """Say that a part of the items proves nothing of the rest."""
    return f" At most {limit} items of each set: not a complete evaluation." if limit else ""


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
