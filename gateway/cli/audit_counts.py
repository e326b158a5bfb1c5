"""Requests and tokens in the audit trail, by key, person, day or model."""

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Literal, get_args

from gateway.audit.account import printable
from gateway.runtime.json_types import Json

Group = Literal["key", "person", "day", "model"]
Count = Literal["requests", "refused", "failed", "truncated", "prompt_tokens", "completion_tokens"]
COUNTS = get_args(Count)
NOBODY = "-"  # without a valid key, a named person or a model
FORMULA = ("=", "+", "-", "@")  # a spreadsheet would calculate what begins like this


def write_counts(records: Iterable[Json], by: Group) -> None:
    """Write a table that a spreadsheet reads: days in their order, else the most used first."""
    used: dict[str, Counter[Count]] = defaultdict(Counter)
    for record in records:
        if record.get("kind") in ("request", "unfinished"):
            used[name_of(record, by)].update(count(record))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([by, *COUNTS])
    for name in sorted(used, key=lambda name: (by != "day" and -used[name]["requests"], name)):
        is_formula = name.startswith(FORMULA) and name != NOBODY
        writer.writerow([f"'{name}" if is_formula else name, *map(used[name].__getitem__, COUNTS)])


def name_of(record: Json, by: Group) -> str:
    """Return the key, person, day or model of a request."""
    field = {"key": "client", "person": "user", "day": "time", "model": "model"}[by]
    value = printable(str(record.get(field) or NOBODY))
    return value[: len("2026-11-28")] if by == "day" else value


def count(record: Json) -> dict[Count, int]:
    """Return what a record counts for. Unauthenticated requests are aggregated in one line."""
    requests = 1 + int(record.get("more_like_this", 0))
    is_refused = 400 <= int(record.get("status", 0)) < 500
    is_failed = not is_refused and record["outcome"] not in ("ok", "client_gone")
    return {
        "requests": requests,
        "refused": requests * is_refused,
        "failed": requests * is_failed,
        "truncated": int(bool(record.get("truncated"))),
        "prompt_tokens": record.get("prompt_tokens") or 0,
        "completion_tokens": record.get("completion_tokens") or 0,
    }
