"""Building blocks of generated pages: paths, Markdown tables and marked blocks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
WIDTH: Final = 150  # columns of a page
# What a marker stands above: up to `<!-- end -->`, or to a blank line where none comes first.
BLOCK: Final = r"(?:(?:(?!<!-- ).*\n)*?(?=<!-- end -->\n)|(?:.+\n)*)"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Render a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def prose(text: str) -> str:
    """Wrap paragraphs and list items to the width of a page; headings and tables are kept."""
    joined = re.sub(r"(?<=\S)\n *(?=[^\s|#-])", " ", text)
    return "\n".join(map(_wrap, joined.split("\n")))


def _wrap(line: str) -> str:
    if line.startswith("|"):
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def with_blocks(path: Path, blocks: Mapping[str, Callable[..., str]]) -> str:
    """Return the file's text with the block below each marker of these names rendered anew.

    A marker is `<!-- NAME -->`, or `<!-- NAME: ARGUMENT -->` for what takes one.
    """
    marker = rf"(<!-- ({'|'.join(blocks)})(?:: (.+))? -->\n)"

    def render(match: re.Match[str]) -> str:
        return match[1] + blocks[match[2]](*filter(None, [match[3]]))

    return re.sub(marker + BLOCK, render, path.read_text())
