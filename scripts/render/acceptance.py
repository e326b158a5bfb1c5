"""Acceptance reports of our own: their pages, and their table in docs/acceptance.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assurance.acceptance import page
from assurance.acceptance.report import SIGNATURE
from scripts.render.page import DOCS, table

REPORTS = DOCS / "acceptance"
HEAD = ("model", "verdict", "engine", "memory", "load", "report")


def reports() -> dict[Path, Mapping[str, Any]]:
    """Return the reports in docs/acceptance."""
    return {file: SIGNATURE.read(file.read_text()) for file in sorted(REPORTS.glob("*.json"))}


def pages() -> dict[Path, str]:
    """Return each report's page."""
    return {file.with_suffix(".html"): page.html(file.read_text()) for file in reports()}


def row(file: Path, found: Mapping[str, Any]) -> tuple[object, ...]:
    """Render one report: its verdict and what was measured of memory and load."""
    facts = found["facts"]
    title = f"{facts['model']} on {facts['base']}" if facts["base"] else facts["model"]
    measured = {finding["check"]: finding["measured"] for finding in found["findings"]}
    engine = f"vLLM {facts['engine_version']}, CPU, {facts['cpus']} cores, {found['time'][:10]}"
    links = f"[page](acceptance/{file.stem}.html), [JSON](acceptance/{file.name})"
    return title, found["verdict"], engine, measured["memory"], measured["load"], links


BLOCKS = {"reports": lambda: table(HEAD, list(map(row, reports(), reports().values())))}
