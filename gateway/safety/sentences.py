"""A text as lower-case sentences, the unit in which negation and history have their scope."""

import re

# A full stop inside a number or an abbreviation ends nothing; a single line break is only a wrap
# unless the next line is a list item or a heading.
END = re.compile(r"[.!?;](?=\s)|\n\s*(?=\n|[-*•]|\d{1,2}[.)])|\n(?=[\w /]{2,40}:)")
# Typographic quotes, the no-break space and the en dash, as people's keyboards write them.
TYPOGRAPHY = str.maketrans("\u2019\u2018\u201c\u201d\u00a0\u2013", "''\"\" -")


def normal(text: str) -> str:
    """Lower case, plain quotes and dashes."""
    lowered = text.lower()
    return lowered if lowered.isascii() else lowered.translate(TYPOGRAPHY)


def split(lowered: str) -> list[str]:
    """The sentences of a normalised text, each with the mark that ended it."""
    sentences = []
    at = 0
    for end in END.finditer(lowered):
        sentences.append(lowered[at : end.end()])
        at = end.end()
    return [*sentences, lowered[at:]]
