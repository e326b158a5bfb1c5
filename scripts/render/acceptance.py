"""Acceptance reports of our own: their pages, their table in docs/acceptance.md, and the profiles
that ship with the program.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from launcher.acceptance import page, profiles
from launcher.acceptance.report import SIGNATURE
from scripts.render.page import DOCS, table, with_blocks

REPORTS = DOCS / "acceptance"
BLOCK = re.compile(r"(<!-- reports -->\n)(?:.*\n)*")


def pages() -> dict[Path, str]:
    """Return everything that follows from the reports in docs/acceptance."""
    texts = {file: file.read_text() for file in sorted(REPORTS.glob("*.json"))}
    found = {file: SIGNATURE.read(text) for file, text in texts.items()}
    rows = [asdict(profiles.profile_of(one)) for one in found.values()]
    path = DOCS / "acceptance.md"
    return {
        **{file.with_suffix(".html"): page.html(text) for file, text in texts.items()},
        profiles.SHIPPED: json.dumps(rows, indent=1) + "\n",
        path: with_blocks(path, BLOCK, lambda _: "".join(map(section, found, found.values()))),
    }


def section(file: Path, found: Mapping[str, Any]) -> str:
    """Render one report: its verdict, its findings, its runs under load."""
    facts, runs = found["facts"], found["measurements"]["load"]["runs"]
    title = f"{facts['model']} on {facts['base']}" if facts["base"] else facts["model"]
    findings = [
        (
            finding["check"],
            finding["outcome"],
            finding["sentence"],
            finding["measured"],
            finding["limit"],
        )
        for finding in found["findings"]
    ]
    load = [
        (run["concurrency"], run["way"], run["tokens_s"], run["ttft_p50_ms"], run["tpot_p50_ms"])
        for run in runs
    ]
    return "\n".join(
        (
            f"\n### {title}\n",
            f"{found['verdict']} vLLM {facts['engine_version']} on a CPU with {facts['cpus']} "
            f"cores, {found['time'][:10]}: [page](acceptance/{file.stem}.html), "
            f"[report](acceptance/{file.name}).\n",
            table(("check", "outcome", "", "measured", "limit"), findings),
            table(("requests at once", "gateway", "tokens/s", "TTFT, ms", "ms per token"), load),
        )
    )
