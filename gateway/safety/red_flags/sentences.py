"""Split a text into normalised sentences, the scope of negation and history."""

import re

# A full stop inside a number or an abbreviation ends nothing ("v. a.", "ca. 60", "37. woche"); a
# single line break is only a wrap unless the next line is a list item or a heading.
END = re.compile(
    r"[.!?;](?<!\n\d.)(?<!\b\w\.)(?<!\bca\.)(?=\s)(?! (?:ssw|woche|monat))|"
    r"\n(?=\s{0,9}(?:\n|[-*•]|\d{1,2}[.)])|[\w /]{2,40}:)"
)
# Typographic quotes, the no-break space and the en dash, in their plain form.
TYPOGRAPHY = str.maketrans("\u2019\u2018\u201c\u201d\u00a0\u2013", "''\"\" -")

BLANKS = re.compile(r"[ \t\r]+")
# Words typed without their apostrophe; plain replacement is the fastest way to restore it.
CONTRACTIONS = {
    f" {word}{rest} ": f" {word}'{rest} "
    for rest, starts in {
        "t": ("can", "won", "don", "doesn", "didn", "isn", "hasn", "haven", "couldn"),
        "m": ("i",),
        "ve": ("i",),
        "s": ("he", "she"),
    }.items()
    for word in starts
}

# Bounds, in characters, that keep a search linear and short for any text.
LONGEST_SENTENCE = 800
OVERLAP = 200


def sentences_of(text: str) -> tuple[str, ...]:
    """Return the sentences of a normalised text; a very long one in overlapping pieces."""
    ends = [match.end() for match in END.finditer(text)]
    flat = text.replace("\n", " ")  # of equal length: the patterns know plain spaces only
    return tuple(
        flat[first:last]
        for start, end in zip([0, *ends], [*ends, len(text)], strict=True)
        for first, last in _pieces(start, end)
    )


def normal(text: str) -> str:
    """Return a text in lower case, with plain quotes and apostrophes in place."""
    lowered = f" {text.lower()} "
    if not lowered.isascii():
        lowered = lowered.translate(TYPOGRAPHY)
    if any(blank in lowered for blank in ("  ", "\t", "\r", " \n", "\n ")):
        lowered = BLANKS.sub(" ", lowered).replace(" \n", "\n").replace("\n ", "\n")
    for hasty, written in CONTRACTIONS.items():
        lowered = lowered.replace(hasty, written)
    return lowered


def _pieces(start: int, end: int) -> list[tuple[int, int]]:
    if end - start <= LONGEST_SENTENCE:
        return [(start, end)]
    step = LONGEST_SENTENCE - OVERLAP
    return [(at, min(at + LONGEST_SENTENCE, end)) for at in range(start, end - OVERLAP, step)]
