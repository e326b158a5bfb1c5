"""A prefilter without false negatives: the patterns that may match a text at all.

RE2 scans a text once for many patterns, some hundred times faster than `re`. It has neither
lookaround nor letters beyond ASCII, so it gets patterns that match more than the true ones. Nor
can it search for two things at any distance: its automaton would grow with every text. It searches
for the parts, and this module combines them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import re2

from gateway.safety.red_flags.patterns import BETWEEN

BUDGET_BYTES = 4 * 1024 * 1024  # of one automaton, which forgets what does not fit
BEYOND = r"\x{80}-\x{10ffff}"  # may be letters and digits to `re`
RUN = "\0"  # stands for BETWEEN
LOOSER = {
    RUN: r"[\x{0}-\x{10ffff}]*",
    r"\b": "",
    r"\w": rf"[\w{BEYOND}]",
    r"\d": rf"[\d{BEYOND}]",
    " ": r"(?:\s+)",  # the text is not normalised yet
    "'": "(?:'?)",
    "$": "",
    "?+": "?",
}
PIECE = re.compile(r"\\.|\[[^\]]+\]|\?\+|[a-z]+|.", re.DOTALL)
NESTING = {"(": 1, ")": -1}
LOOKAROUND = re.compile(r"\(\?<?[!=]")
PARENTHESIS = re.compile(r"\\.|[()]")


# A pattern may match when one of its alternatives has all of its parts.
Alternative = tuple[int, frozenset[int]]


class Prefilter:
    """Patterns of `re`, searched for in one pass, in any case."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._all = frozenset(range(len(patterns)))
        self._parts: dict[str, int] = {}
        self._made_of: Mapping[int, list[Alternative]] = defaultdict(list)
        for number, pattern in enumerate(patterns):
            for alternative in alternatives(pattern):
                self._add(number, alternative)
        self._set = compiled(self._parts)

    def _add(self, number: int, alternative: Sequence[str]) -> None:
        needed = {self._parts.setdefault(part, len(self._parts)) for part in alternative}
        # Filed under one part only: without it the others do not matter.
        self._made_of[max(needed)].append((number, frozenset(needed)))

    def hits(self, text: bytes) -> frozenset[int]:
        """Return the numbers of the patterns that may match a text in UTF-8; no other does."""
        seen = frozenset(self._set.Match(text))
        if not seen:
            return self._all
        return frozenset(
            number
            for part in seen.intersection(self._made_of)
            for number, needed in self._made_of[part]
            if needed <= seen
        )


def compiled(parts: Iterable[str]) -> re2.Set:
    """Compile the parts, in their order, and after them a pattern that every text matches."""
    options = re2.Options()
    options.case_sensitive = False
    options.max_mem = BUDGET_BYTES
    made = re2.Set.SearchSet(options)
    for part in parts:
        made.Add(part)
    made.Add("")  # a result without it means that the automaton ran out of memory
    made.Compile()
    return made


def alternatives(pattern: str) -> list[list[str]]:
    """Return each alternative of a pattern as parts for RE2, all of which are in every text that
    it matches."""
    plain = bare(without_lookaround(pattern.replace(BETWEEN, RUN)))
    pieces = PIECE.findall(plain)
    return [list(map(loosened, split(each, RUN))) for each in split(pieces, "|")]


def bare(pattern: str) -> str:
    """Return the content of a pattern that is one group between two word boundaries."""
    group = pattern.removeprefix(r"\b").removesuffix(r"\b")
    is_one = group.startswith("(?:") and closing(group, 0) == len(group)
    return group[3:-1] if is_one else pattern


def split(pieces: Iterable[str], at: str) -> list[list[str]]:
    """Split the pieces of a pattern at one that is outside of groups."""
    parts: list[list[str]] = [[]]
    depth = 0
    for piece in pieces:
        depth += NESTING.get(piece, 0)
        if piece == at and not depth:
            parts.append([])
        else:
            parts[-1].append(piece)
    return parts


def loosened(pieces: Iterable[str]) -> str:
    """Return a pattern for RE2 that matches wherever one of `re` does, and more."""
    return "".join(map(loosened_piece, pieces))


def loosened_piece(piece: str) -> str:
    if " " in piece and piece.startswith("["):
        spaces = piece.replace(" ", r"\s")
        return f"(?:{spaces}+)"
    return LOOSER.get(piece, piece)


def without_lookaround(pattern: str) -> str:
    while found := LOOKAROUND.search(pattern):
        pattern = pattern[: found.start()] + pattern[closing(pattern, found.start()) :]
    return pattern


def closing(pattern: str, start: int) -> int:
    """Return the end of the group that opens at `start`."""
    depth = 0
    for each in PARENTHESIS.finditer(pattern, start):
        depth += {"(": 1, ")": -1}.get(each.group(), 0)
        if not depth:
            return each.end()
    raise ValueError("a group of this pattern is not closed")
