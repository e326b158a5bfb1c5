"""The table of docs/surfaces.md, which tests/safety holds to what happens."""

import re
from pathlib import Path

from scripts.render.page import DOCS, with_blocks
from tests.safety.places import page

PAGE = DOCS / "surfaces.md"
BLOCK = re.compile(r"(<!-- surfaces -->\n)(?:.*\n)*")


def pages() -> dict[Path, str]:
    """Return the page with its table made anew."""
    return {PAGE: with_blocks(PAGE, BLOCK, lambda _: page())}
