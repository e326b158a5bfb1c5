"""What a model wrote, made fit for a terminal: marks become styles, and nothing is obeyed."""

from __future__ import annotations

import re
from typing import Final

from markdown_it import MarkdownIt
from rich.markdown import Markdown

# A terminal obeys escape sequences; a model's text must not give orders. Line ends and tabs stay.
ORDERS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FENCE: Final = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
# What could swallow a meaning is off: "> 38.5" is no quotation, "<" no tag, "~~5~~" not struck out.
PARSER: Final = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["blockquote", "html_block", "html_inline", "lheading"])
)


def harmless(text: str) -> str:
    """The text without control characters."""
    return ORDERS.sub("", text)


def rendered(text: str) -> Markdown:
    """The text's Markdown as something rich prints; addresses are shown, not linked."""
    made = Markdown("", hyperlinks=False)
    made.parsed = PARSER.parse(unambiguous(harmless(text)))
    return made


def unambiguous(text: str) -> str:
    """Asterisks within words escaped, where no code is near."""
    return "\n".join(
        line if "`" in line else re.sub(r"(?<=\w)\*(?=\w)", r"\\*", line)
        for line in text.split("\n")
    )


def settled(text: str) -> int:
    """How much of a growing text is whole blocks, which what follows cannot change."""
    end = text.rfind("\n\n")
    while end > 0 and len(FENCE.findall(text[:end])) % 2:
        end = text.rfind("\n\n", 0, end)
    return max(end + 2, 0) if end > 0 else 0
