"""Acceptance reports of our own: their pages, their table in docs/acceptance.md, and the profiles
that ship with the program.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assurance.acceptance import page, profiles
from assurance.acceptance.report import SIGNATURE
from scripts.render.page import DOCS, table, with_blocks

REPORTS = DOCS / "acceptance"
BLOCK = re.compile(r"(<!-- reports -->\n)(?:.*\n)*")


def pages() -> dict[Path, str]:
    """Return everything that follows from the reports in docs/acceptance."""
    texts = {file: file.read_text() for file in sorted(REPORTS.glob("*.json"))}
    reports = {file: SIGNATURE.read(text) for file, text in texts.items()}
    shipped = [asdict(profiles.profile_of(report)) for report in reports.values()]
    rows = list(map(row, reports, reports.values()))
    path = DOCS / "acceptance.md"
    return {
        **{file.with_suffix(".html"): page.html(text) for file, text in texts.items()},
        profiles.SHIPPED: json.dumps(shipped, indent=1) + "\n",
        path: with_blocks(path, BLOCK, lambda _: table(HEAD, rows)),
    }


HEAD = ("model", "verdict", "engine", "memory", "load", "report")


def row(file: Path, found: Mapping[str, Any]) -> tuple[object, ...]:
    """Render one report: its verdict and what was measured of memory and load."""
    facts = found["facts"]
    title = f"{facts['model']} on {facts['base']}" if facts["base"] else facts["model"]
    measured = {finding["check"]: finding["measured"] for finding in found["findings"]}
    engine = f"vLLM {facts['engine_version']}, CPU, {facts['cpus']} cores, {found['time'][:10]}"
    links = f"[page](acceptance/{file.stem}.html), [JSON](acceptance/{file.name})"
    return title, found["verdict"], engine, measured["memory"], measured["load"], links
