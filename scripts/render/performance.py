"""Figures of docs/performance.md from docs/performance/*.json and its picture."""

from tests.bench.page import IMAGES, PARTS, result
from tests.bench.report import medians

BLOCKS = {"figures": lambda part: PARTS[part]()}
PANELS = {
    "req_s": "requests a second",
    "us_request": "CPU of a request, us",
    "us_chunk": "CPU of a chunk, us",
}


def draw() -> None:
    """Draw the picture."""
    from tests.bench.plots import bars

    bars(medians(result("relay")["rounds"]), PANELS, IMAGES / "performance.svg")
