"""Figures of docs/performance.md from docs/performance/*.json and its picture."""

import re
from pathlib import Path

from scripts.render.page import with_blocks
from tests.bench.page import IMAGES, PAGE, PARTS, result
from tests.bench.report import medians

BLOCK = re.compile(r"(<!-- figures: (.*?) -->\n).*?(<!-- end -->\n)", re.DOTALL)
PANELS = {
    "req_s": "requests a second",
    "us_request": "CPU of a request, us",
    "us_chunk_256": "CPU of a chunk, us",
}


def pages() -> dict[Path, str]:
    """Return docs/performance.md with every block made anew."""
    return {PAGE: with_blocks(PAGE, BLOCK, lambda match: PARTS[match[2]]() + match[3])}


def draw() -> None:
    """Draw the picture."""
    from tests.bench.plots import bars

    bars(medians(result("relay")["rounds"]), PANELS, IMAGES / "performance.svg")
