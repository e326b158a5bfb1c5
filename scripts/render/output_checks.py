"""The table of the output checks in docs/safety.md, from docs/records/output-checks.json."""

from __future__ import annotations

import json
from typing import Any, Final

from gateway.safety.output_checks.checks import CHECKS
from scripts.render.page import DOCS, table

RECORD: Final = DOCS / "records" / "output-checks.json"


def figures() -> str:
    """Return a row for each check: its warning, and its figures on each corpus and on all."""
    damaged = json.loads(RECORD.read_text())["damaged"]
    corpora = (f"{name}: precision (found of)" for name in damaged["number"])
    return table(
        ("check", "warning", *corpora, "all"), [row(name, damaged[name]) for name in CHECKS]
    )


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


BLOCKS: Final = {"output-checks": figures}
