"""`mmhie audit usage`: requests and tokens by key, person, day or model, counted from the trail."""

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, get_args

import typer
from rich.console import Console

from gateway.audit.account import printable
from gateway.cli.audit import File, genuine_records, trail
from gateway.cli.audit_search import Since, Until, is_within
from gateway.cli.command import AsJson, print_rows, put, readable
from gateway.runtime.json_types import Json

Group = Literal["key", "person", "day", "model"]
Count = Literal["requests", "refused", "failed", "truncated", "prompt_tokens", "completion_tokens"]
COUNTS = get_args(Count)
NOBODY = "-"  # a request without this: of no valid key, for no named person, of no model
FORMULA = ("=", "+", "-", "@")  # beginnings that a spreadsheet would calculate
By = Annotated[Group, typer.Option(help="What the requests are counted by.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]


def usage(
    by: By = "key",
    since: Since = None,
    until: Until = None,
    file: File = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Count the requests of the trail and their tokens, by key, person, day or model."""
    path, key = trail(file)
    with readable(path):
        lines = (line for line in genuine_records(path, key) if is_within(line, since, until))
        used = [{by: name, **counts} for name, counts in count_by(lines, by)]
    if as_csv:
        write_csv(used, by)
    elif as_json:
        put("", {"by": by, "usage": used}, as_json=True)
    else:
        print_rows(
            [{name: text_of(value) for name, value in row.items()} for row in used], Console()
        )


def text_of(value: str | int) -> str:
    """Return a number as a person reads it."""
    return f"{value:,}" if isinstance(value, int) else value


def count_by(lines: Iterable[Json], by: Group) -> Iterator[tuple[str, dict[Count, int]]]:
    """Yield each group with its requests' counts: days in their order, else the most used first."""
    used: dict[str, Counter[Count]] = defaultdict(Counter)
    for line in lines:
        if line.get("kind") in ("request", "unfinished"):
            used[group_of(line, by)].update(counts_of(line))
    for name in sorted(used, key=lambda name: (by != "day" and -used[name]["requests"], name)):
        yield name, {count: used[name][count] for count in COUNTS}


def group_of(line: Json, by: Group) -> str:
    """Return the group that a request belongs to."""
    field = {"key": "client", "person": "user", "day": "time", "model": "model"}[by]
    value = printable(str(line.get(field) or NOBODY))
    return value[: len("2026-11-28")] if by == "day" else value


def counts_of(line: Json) -> dict[Count, int]:
    """Return what a request counts for; of those without a valid key one line stands for many."""
    requests = 1 + int(line.get("more_like_this", 0))
    is_refused = 400 <= int(line.get("status", 0)) < 500
    is_failed = not is_refused and line["outcome"] not in ("ok", "client_gone")
    return {
        "requests": requests,
        "refused": requests * is_refused,
        "failed": requests * is_failed,
        "truncated": int(bool(line.get("truncated"))),
        "prompt_tokens": line.get("prompt_tokens") or 0,
        "completion_tokens": line.get("completion_tokens") or 0,
    }


def write_csv(used: Iterable[Mapping[str, str | int]], by: Group) -> None:
    """Write a table that a spreadsheet reads, and takes no name in it for a formula."""
    writer = csv.DictWriter(sys.stdout, [by, *COUNTS], lineterminator="\n")
    writer.writeheader()
    for row in used:
        name = str(row[by])
        is_formula = name.startswith(FORMULA) and name != NOBODY
        writer.writerow({**row, by: f"'{name}" if is_formula else name})
