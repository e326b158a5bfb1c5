"""A quick look that errs on one side only: which patterns may match a text at all.

RE2 reads a text once for many patterns, some hundred times faster than `re`. It knows neither
lookaround nor letters beyond ASCII, so it is given patterns that match more than the true ones.
"""

import re
from collections.abc import Sequence

import re2

from gateway.safety.rule import BETWEEN

BUDGET_BYTES = 4 * 1024 * 1024  # of one sieve's automaton, which forgets what does not fit
BEYOND = r"\x{80}-\x{10ffff}"  # may be letters and digits to `re`
RUN = "\0"  # stands for BETWEEN
LOOSER = {
    RUN: r"[\x{0}-\x{10ffff}]*",
    r"\b": "",
    r"\w": rf"[\w{BEYOND}]",
    r"\d": rf"[\d{BEYOND}]",
    " ": r"(?:\s+)",  # texts are looked at as they were typed
    "'": "(?:'?)",
    "$": "",
    "?+": "?",
}
PIECE = re.compile(r"\\.|\[[^\]]+\]|\?\+|.", re.DOTALL)
LOOKAROUND = re.compile(r"\(\?<?[!=]")
PARENTHESIS = re.compile(r"\\.|[()]")


class Sieve:
    """Patterns of `re`, looked for all at once, in any case."""

    def __init__(self, patterns: Sequence[str]) -> None:
        options = re2.Options()
        options.case_sensitive = False
        options.max_mem = BUDGET_BYTES
        self._all = frozenset(range(len(patterns)))
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._set.Add(loosened(pattern))
        self._set.Add("")  # in every text: an answer without it is none
        self._set.Compile()

    def hits(self, text: bytes) -> frozenset[int]:
        """The numbers of the patterns that may match a text in UTF-8; no other does."""
        found = self._set.Match(text)
        return self._all.intersection(found) if found else self._all


def loosened(pattern: str) -> str:
    """A pattern of `re` as one of RE2 that matches wherever it does, and more."""
    plain = without_lookaround(pattern.replace(BETWEEN, RUN))
    return PIECE.sub(lambda piece: loosened_piece(piece.group()), plain)


def loosened_piece(piece: str) -> str:
    if piece.startswith("[") and " " in piece:
        spaces = piece.replace(" ", r"\s")
        return f"(?:{spaces}+)"
    return LOOSER.get(piece, piece)


def without_lookaround(pattern: str) -> str:
    while found := LOOKAROUND.search(pattern):
        pattern = pattern[: found.start()] + pattern[closing(pattern, found.start()) :]
    return pattern


def closing(pattern: str, start: int) -> int:
    """Where the group ends that opens at `start`."""
    depth = 0
    for each in PARENTHESIS.finditer(pattern, start):
        depth += {"(": 1, ")": -1}.get(each.group(), 0)
        if not depth:
            return each.end()
    raise ValueError("a group of this pattern does not end")
