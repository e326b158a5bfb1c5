"""Write the figures of docs/performance.md, and its pictures, from docs/performance/*.json;
`--check` fails when the page says otherwise."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # `tests` is not installed

from tests.bench.page import IMAGES, PAGE, PARTS, result, spent
from tests.bench.report import medians

BLOCK = re.compile(r"(<!-- figures: (.*?) -->\n).*?(<!-- end -->\n)", re.DOTALL)
PANELS = {
    "req_s": "requests a second",
    "us_request": "CPU of a request, us",
    "us_chunk_256": "CPU of a chunk, us",
}


def rendered(page: str) -> str:
    """The page with every block made anew."""
    return BLOCK.sub(lambda found: found[1] + PARTS[found[2]]() + found[3], page)


def draw() -> None:
    """The pictures."""
    from tests.bench.plots import bars, stacked

    bars(medians(result("relay")["rounds"]), PANELS, IMAGES / "performance.svg")
    now = {kind: parts for kind, parts in spent().items() if "before" not in kind}
    stacked(now, IMAGES / "performance-profile.svg")


def main() -> None:
    page = PAGE.read_text()
    made = rendered(page)
    if "--check" not in sys.argv:
        draw()
        PAGE.write_text(made)
    elif page != made:
        sys.exit("docs/performance.md is out of date: run `python scripts/render_performance.py`.")


if __name__ == "__main__":
    main()
