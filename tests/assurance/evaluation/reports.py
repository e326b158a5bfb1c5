"""Reports made of records, without a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assurance.evaluation import report
from assurance.evaluation.job import Asking
from assurance.evaluation.results import Record
from assurance.evaluation.subject import Subject
from assurance.evaluation.suites import OWN, Source

KEY = "k" * 32
TIME = "2026-11-26T12:00:00+00:00"
SETTINGS = {"system_prompt": "5e77", "audience": "clinician", "max_tokens": 512}
SUBJECT = Subject(
    *("m", "r1", None, None, None, None, "mxfp4", "vllm", "0.32.0", "0.1.0"), SETTINGS
)
ASKING = Asking("m", 8, effort=None, judge=None)
SOURCE = Source("safety", "safety", OWN / "safety.jsonl", is_own=True)


def record(number: int, value: float | None, **changed: Any) -> Record:
    """Return a record of a question with four choices."""
    values = {
        "task": "safety", "suite": "safety", "group": "doses", "id": f"i{number}",
        "language": "en", "family": "", "value": value, "reason": "right" if value else "wrong",
        "answer": None, "digest": f"d{number}", "chance": None,
    }  # fmt: skip
    return Record(**values | changed)


def content(records: Sequence[Record], key: str | None = KEY, **changed: Any) -> dict[str, Any]:
    """Return a report's content."""
    return {**report.document(run_of(), records, TIME, key), **changed}


def run_of(limit: int | None = None, **more: Any) -> report.EvaluationRun:
    """Return what a run was of."""
    bounds = {"limit": limit, "minutes": None}
    return report.EvaluationRun(SUBJECT, ASKING, [SOURCE], bounds, Path("/none"), **more)


def signed(found: Mapping[str, Any], key: str | None = KEY) -> str:
    """Return it as text."""
    return report.SIGNATURE.signed(found, key)
