"""Evaluation reports of our own: their pages, and their figures in docs/evaluation-reports.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assurance.evaluation import compare, page
from assurance.evaluation.report import SIGNATURE
from scripts.render.page import DOCS, table

REPORTS = DOCS / "evaluation"
HEALTHY, AGAIN = "embedded", "embedded-again"
BASES = {"swapped-adapter": "site-adapter"}


def pages() -> dict[Path, str]:
    """Return the page of one report, as an example."""
    example = REPORTS / f"{HEALTHY}.json"
    return {example.with_suffix(".html"): page.html(example.read_text())}


def reports() -> dict[str, Mapping[str, Any]]:
    """Return the reports in docs/evaluation by their names."""
    return {file.stem: SIGNATURE.read(file.read_text()) for file in sorted(REPORTS.glob("*.json"))}


def scores() -> str:
    """Render every scored group of a report but its languages."""
    healthy = reports()[HEALTHY]
    rows = [
        (
            *(group["suite"], group["group"], f"{group['scored']} of {group['items']}"),
            *(page.interval(group["score"]), page.comparator(group)),
        )
        for group in healthy["groups"]
        if not group["language"] and group["scored"]
    ]
    agreed = [
        (entry["of"], page.interval(entry["agreement"]), entry["agreement"]["n"])
        for entry in healthy["agreement"]
    ]
    head = ("suite", "group", "scored", "score, 95 % interval", "without knowledge")
    return f"\n{table(head, rows)}\n{table(('same answer', 'share, 95 % interval', 'n'), agreed)}\n"


def comparisons() -> str:
    """Render the other reports, each against that of the service it is a damaged one of."""
    known = reports()
    bases = {name: BASES.get(name, HEALTHY) for name in known}
    again = {name: known[AGAIN] for name in known if name not in {AGAIN, *BASES}}
    rows = [
        row(name, compare.compared(known[bases[name]], report, again.get(name)))
        for name, report in known.items()
        if name not in bases.values()
    ]
    head = (
        "report", "same answers", "right in one alone", "least p, Holm", "p of same answers",
        "told apart", "declared otherwise",
    )  # fmt: skip
    return f"\n{table(head, rows)}\n"


def row(name: str, found: compare.Comparison) -> tuple[str, ...]:
    """Render one comparison."""
    alone = "; ".join(
        f"{contrast.suite} {contrast.only_first} and {contrast.only_second}"
        for contrast in found.contrasts
    )
    return (
        f"[{name}](evaluation/{name}.json)",
        f"{found.same.value:.0%} ({found.same.low:.0%} to {found.same.high:.0%})"
        if found.same
        else "",
        alone,
        f"{min(contrast.p_adjusted for contrast in found.contrasts):.2g}",
        "" if found.p_same is None else f"{found.p_same:.1g}",
        "yes" if found.is_told_apart else "no",
        ", ".join(difference.replace("_", " ") for difference in found.differs_in),
    )


BLOCKS = {"scores": scores, "comparisons": comparisons}
