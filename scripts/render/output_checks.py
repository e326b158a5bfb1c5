"""The table of the output checks in docs/safety.md, from docs/records/output-checks.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from gateway.safety.output_checks.checks import CHECKS
from scripts.render.page import DOCS, table, with_blocks

RECORD: Final = DOCS / "records" / "output-checks.json"
TABLE: Final = re.compile(r"(<!-- output-checks -->\n)(?:\|.*\n)*")


def pages() -> dict[Path, str]:
    """Return the page with the table."""
    page = DOCS / "safety.md"
    return {page: with_blocks(page, TABLE, lambda _: figures(json.loads(RECORD.read_text())))}


def figures(record: dict[str, Any]) -> str:
    """Return a row for each check: its warning, and its figures on each corpus and on all."""
    corpora = list(record["damaged"]["number"])
    head = ("check", "warning", *(f"{name}: precision (found of)" for name in corpora), "all")
    return table(head, [row(name, record["damaged"][name]) for name in CHECKS])


def row(name: Any, found: dict[str, Any]) -> tuple[object, ...]:
    cells = [cell(counts) for counts in found.values()]
    return (f"`{name}`", f"`{CHECKS[name][0]}`", *cells, f"{percent(precision(found))}")


def cell(one: dict[str, Any]) -> str:
    if one["precision"] is None:
        return "none there"
    return f"{percent(one['precision'])} ({one['found']} of {one['texts']})"


def precision(found: dict[str, Any]) -> float:
    """Return the precision on all corpora together."""
    right, wrong = (sum(counts[what] for counts in found.values()) for what in ("found", "false"))
    return float(right / (right + wrong))


def percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")
