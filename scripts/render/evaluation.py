"""Evaluation reports of our own: their pages, and their figures in docs/evaluation-reports.md."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assurance.evaluation import compare, page
from assurance.evaluation.report import SIGNATURE
from scripts.render.page import DOCS, table, with_blocks

REPORTS = DOCS / "evaluation"
BLOCK = re.compile(r"(<!-- (figures|comparisons) -->\n)(?:.*\n)*?(?=<!-- end -->)")
HEALTHY, AGAIN = "embedded", "embedded-again"
BASES = {"swapped-adapter": "site-adapter"}


def pages() -> dict[Path, str]:
    """Return everything that follows from the reports in docs/evaluation."""
    texts = {file: file.read_text() for file in sorted(REPORTS.glob("*.json"))}
    reports = {file.stem: SIGNATURE.read(text) for file, text in texts.items()}
    path = DOCS / "evaluation-reports.md"
    blocks = {"figures": figures(reports[HEALTHY]), "comparisons": comparisons(reports)}
    return {
        REPORTS / f"{HEALTHY}.html": page.html(texts[REPORTS / f"{HEALTHY}.json"]),  # an example
        path: with_blocks(path, BLOCK, lambda match: blocks[match[2]]),
    }


def figures(found: Mapping[str, Any]) -> str:
    """Render every scored group of a report but its languages."""
    rows = [
        (
            *(group["suite"], group["group"], f"{group['scored']} of {group['items']}"),
            *(page.interval(group["score"]), page.comparator(group)),
        )
        for group in found["groups"]
        if not group["language"] and group["scored"]
    ]
    agreed = [
        (entry["of"], page.interval(entry["agreement"]), entry["agreement"]["n"])
        for entry in found["agreement"]
    ]
    head = ("suite", "group", "scored", "score, 95 % interval", "without knowledge")
    return f"\n{table(head, rows)}\n{table(('same answer', 'share, 95 % interval', 'n'), agreed)}\n"


def comparisons(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Render the other reports, each against that of the service it is a damaged one of."""
    bases = {name: BASES.get(name, HEALTHY) for name in found}
    rows = [
        row(name, compare.compared(found[bases[name]], report, repeats(name, found)))
        for name, report in found.items()
        if name not in bases.values()
    ]
    head = (
        "report", "same answers", "right in one alone", "least p, Holm", "p of same answers",
        "told apart", "declared otherwise",
    )  # fmt: skip
    return f"\n{table(head, rows)}\n"


def repeats(name: str, found: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the other report of the service that this one is compared with."""
    return None if name in {AGAIN, *BASES} else found[AGAIN]


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
