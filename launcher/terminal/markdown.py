"""Markdown of a model, rendered for a terminal without control characters."""

import re
from typing import Final

from markdown_it import MarkdownIt
from rich.markdown import Markdown

# A terminal obeys escape sequences, and a model must not control it. Line ends and tabs stay.
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FENCE: Final = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
# Off, as it could hide a meaning: "> 38.5" is no quotation, "<" no tag, "~~5~~" not struck out.
PARSER: Final = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["blockquote", "html_block", "html_inline", "lheading"])
)


def remove_controls(text: str) -> str:
    """Return the text without control characters."""
    return CONTROLS.sub("", text)


def render(text: str) -> Markdown:
    """Parse Markdown for rich to print; addresses are shown, not linked."""
    markdown = Markdown("", hyperlinks=False)
    markdown.parsed = PARSER.parse(escape_asterisks(remove_controls(text)))
    return markdown


def escape_asterisks(text: str) -> str:
    """Escape asterisks within words, on lines without code."""
    return "\n".join(
        line if "`" in line else re.sub(r"(?<=\w)\*(?=\w)", r"\\*", line)
        for line in text.split("\n")
    )


def measure_complete_blocks(text: str) -> int:
    """Return the length of the blocks that later text cannot change."""
    end = text.rfind("\n\n")
    while end > 0 and len(FENCE.findall(text[:end])) % 2:
        end = text.rfind("\n\n", 0, end)
    return max(end + 2, 0) if end > 0 else 0
