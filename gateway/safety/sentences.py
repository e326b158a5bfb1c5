"""A text as lower-case sentences, the unit in which negation and history have their scope."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

# A full stop inside a number or an abbreviation ends nothing ("v. a.", "ca. 60", "37. woche"); a
# single line break is only a wrap unless the next line is a list item or a heading.
END = re.compile(
    r"[.!?;](?<!\n\d.)(?<!\b\w\.)(?<!\bca\.)(?=\s)(?! (?:ssw|woche|monat))|"
    r"\n(?=\s{0,9}(?:\n|[-*•]|\d{1,2}[.)])|[\w /]{2,40}:)"
)
# Typographic quotes, the no-break space and the en dash, as people's keyboards write them.
TYPOGRAPHY = str.maketrans("\u2019\u2018\u201c\u201d\u00a0\u2013", "''\"\" -")

BLANKS = re.compile(r"[ \t\r]+")
# What is typed without its apostrophe; plain replacement is the fastest way to put it back.
HASTY = {
    f" {word}{rest} ": f" {word}'{rest} "
    for rest, starts in {
        "t": ("can", "won", "don", "doesn", "didn", "isn", "hasn", "haven", "couldn"),
        "m": ("i",),
        "ve": ("i",),
        "s": ("he", "she"),
    }.items()
    for word in starts
}

# Bounds, in characters, that keep the time of a search linear and short whatever is sent.
LONGEST_SENTENCE = 800
OVERLAP = 200
LONGEST_TEXT = 32_768


@dataclass(frozen=True, slots=True)
class Sentences:
    """A normalised text cut into sentences; `starts` are their offsets in `text`, ascending."""

    text: str
    starts: tuple[int, ...]
    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Sentences":
        """The sentences of a normalised text; an endless one comes in overlapping pieces."""
        ends = [match.end() for match in END.finditer(text)]
        spans = [
            span
            for start, end in zip([0, *ends], [*ends, len(text)], strict=True)
            for span in _pieces(start, end)
        ]
        flat = text.replace("\n", " ")  # of equal length: the patterns know plain spaces only
        return cls(flat, tuple(a for a, _ in spans), tuple(flat[a:b] for a, b in spans))

    def holding(self, words: Iterable[str]) -> list[int]:
        """Where to look: the numbers of the sentences that hold one of the plain strings."""
        found: set[int] = set()
        for word in words:
            found.update(self._each(word))
        return sorted(found)

    def _each(self, word: str) -> Iterable[int]:
        at = self.text.find(word)
        while at >= 0:
            number = bisect_right(self.starts, at) - 1
            # With overlapping pieces the one before may hold it too, and the better half of it.
            yield number
            if number and self.starts[number - 1] + len(self.parts[number - 1]) > at:
                yield number - 1
            following = number + 1
            if following == len(self.starts):
                return
            at = self.text.find(word, self.starts[following])


def bounded(text: str) -> str:
    """The two ends of a very long text; any other as it is."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[: LONGEST_TEXT // 2]}\n\n{text[-LONGEST_TEXT // 2 :]}"


def normal(text: str) -> str:
    """Lower case, plain quotes, apostrophes in place."""
    lowered = f" {text.lower()} "
    if not lowered.isascii():
        lowered = lowered.translate(TYPOGRAPHY)
    if any(blank in lowered for blank in ("  ", "\t", "\r", " \n", "\n ")):
        lowered = BLANKS.sub(" ", lowered).replace(" \n", "\n").replace("\n ", "\n")
    for hasty, written in HASTY.items():
        lowered = lowered.replace(hasty, written)
    return lowered


def _pieces(start: int, end: int) -> list[tuple[int, int]]:
    if end - start <= LONGEST_SENTENCE:
        return [(start, end)]
    step = LONGEST_SENTENCE - OVERLAP
    return [(at, min(at + LONGEST_SENTENCE, end)) for at in range(start, end - OVERLAP, step)]
