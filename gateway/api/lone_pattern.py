"""Patterns that stand alone, and whether one makes the engine slow at each token.

xgrammar tries such a pattern on the vocabulary before each token, for all requests together. Where
most tokens fit and there is more than one way to go on, it follows each: with 200,000 tokens
`(\\w+ ?){1,9}` takes 0.9 s a token and `(.?.?.?)*` 12 s. Ordinary patterns that pass take under
5 ms, the slowest that a search by mutation came to 60 ms. The same pattern in a JSON schema costs
nothing a token: there it is prepared when it is compiled.
"""

import re
from dataclasses import dataclass, replace

FEW_LETTERS = 3  # a choice of more is as slow as any
MANY_LETTERS = 26
MOST_WAYS = 1  # from a place that most tokens reach, through parts that fit most
MOST_SKIPPED = 1  # parts in a row that may be left out, before one that fits most
MOST_WIDE = 5  # parts of the whole
MOST_WIDE_REPEATED = 2  # of a group that is repeated
MOST_PIECES = 1000  # read in 10 ms; a word is one
ENDLESS = 10**9

COUNT = re.compile(r"\{\s{0,2}(\d{0,9})\s{0,2}(?:(,)\s{0,2}(\d{0,9})\s{0,2})?\}")
CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*+\]?", re.DOTALL)
OPEN_CLASS = re.compile(r"\[\^|\\[DSWwpPux]")
MEMBER = re.compile(r"\\([dsnrt])|\\?(.)(?:-\\?([^\]]))?", re.DOTALL)
WIDE_ESCAPES = "DSWwpP"
ESCAPES = {"d": (48, 57), "s": (9, 32), "n": (10, 10), "r": (13, 13), "t": (9, 9)}  # code points
WORD = re.compile(r"[\w ,;:/=-]{2,}(?![?*+{])")  # several characters, one after the other
PIECE = re.compile(rf"{COUNT.pattern}|{CLASS.pattern}|{WORD.pattern}|\(\?:|\\.|.", re.DOTALL)
QUANTIFIERS = {"?": (0, 1), "*": (0, ENDLESS), "+": (1, ENDLESS)}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a pattern as its neighbours see it; as it is, the empty pattern.

    A place that fits more than a few letters is wide. `letters`: those of a single character.
    `starts`: wide places that the part may begin with. `is_wide_end`: whether it may end with one,
    and `ways`: through how many wide places it may go on from there. `skipped`: parts at its end
    that may be left out. `wide`: parts that hold a wide place. `branches`: it holds a choice, or a
    group that is repeated or may be left out.
    """

    letters: int = 0
    may_be_empty: bool = True
    starts: int = 0
    is_wide_end: bool = False
    ways: int = 0
    skipped: int = 0
    wide: int = 0
    branches: bool = False
    stalls: bool = False

    def then(self, after: "Fragment") -> "Fragment":
        """Return both, one after the other."""
        ways, goes_on = self.ways + after.starts, after.may_be_empty
        return Fragment(
            may_be_empty=self.may_be_empty and after.may_be_empty,
            starts=self.starts + (after.starts if self.may_be_empty else 0),
            is_wide_end=after.is_wide_end or (goes_on and self.is_wide_end),
            ways=max(after.ways, ways) if goes_on else after.ways,
            skipped=after.skipped + (self.skipped if goes_on else 0),
            wide=self.wide + after.wide,
            branches=self.branches or after.branches,
            stalls=self.stalls or after.stalls or self.stalls_before(after),
        )

    def stalls_before(self, after: "Fragment") -> bool:
        """Return whether a place at the end has too many ways on with this part after it."""
        is_ambiguous = self.ways + after.starts > MOST_WAYS or self.skipped > MOST_SKIPPED
        return self.is_wide_end and after.starts > 0 and is_ambiguous

    def either(self, other: "Fragment") -> "Fragment":
        """Return a choice between both; of single characters, it is as one of them."""
        if self.letters and other.letters:
            return character(self.letters + other.letters)
        return Fragment(
            may_be_empty=self.may_be_empty or other.may_be_empty,
            starts=self.starts + other.starts,
            is_wide_end=self.is_wide_end or other.is_wide_end,
            ways=max(self.ways, other.ways),
            skipped=max(self.skipped, other.skipped),
            wide=self.wide + other.wide,
            branches=True,
            stalls=self.stalls or other.stalls,
        )

    def times(self, low: int, high: int) -> "Fragment":
        """Return the part so many times."""
        is_open, is_repeated_group = low != high, high > 1 and not self.letters
        is_counted = low > 1 or high < ENDLESS
        holds_choice = self.wide > 0 and (self.may_be_empty or self.branches or is_counted)
        holds_many = self.wide > MOST_WIDE_REPEATED
        is_bad = holds_choice or holds_many or self.stalls_before(self)
        return replace(
            self,
            letters=0,
            may_be_empty=self.may_be_empty or low == 0,
            ways=self.ways + (self.starts if high > 1 and is_open else 0),
            skipped=self.skipped + is_open,
            branches=self.branches or is_repeated_group or (low == 0 and not self.letters),
            stalls=self.stalls or (is_repeated_group and is_bad),
        )


def character(letters: int) -> Fragment:
    """Return a single character out of so many letters; none of a few is wide."""
    is_wide = letters > FEW_LETTERS
    return Fragment(
        letters, may_be_empty=False, starts=int(is_wide), is_wide_end=is_wide, wide=int(is_wide)
    )


EMPTY = Fragment()


@dataclass(slots=True)
class Choices:
    """A group as far as it is read: its choices, the line of the last one, and the last part."""

    choices: Fragment | None = None
    line: Fragment = EMPTY
    last: Fragment = EMPTY

    def add(self, part: Fragment) -> None:
        self.line = self.last if self.line is EMPTY else self.line.then(self.last)
        self.last = part

    def end_choice(self) -> Fragment:
        """End the line; return all choices so far."""
        self.add(EMPTY)
        self.choices = self.line if self.choices is None else self.choices.either(self.line)
        self.line = EMPTY
        return self.choices


class Reader:
    """Reads a pattern piece by piece; whatever is no pattern, the engine refuses."""

    def __init__(self) -> None:
        self.groups = [Choices()]
        self.is_repeated = False

    def read(self, match: re.Match[str]) -> None:
        """Read one piece."""
        piece, times, group = match.group(), times_of(match), self.groups[-1]
        is_lazy = self.is_repeated and piece in ("?", "+")  # changes nothing here
        self.is_repeated = times is not None
        if times is not None:
            group.last = group.last if is_lazy else group.last.times(*times)
        elif piece in ("(", "(?:"):
            self.groups.append(Choices())
        elif piece == "|":
            group.end_choice()
        elif piece == ")":
            self.end_group()
        elif piece not in ("^", "$"):
            group.add(character(letters_of(piece)))

    def end_group(self) -> None:
        if len(self.groups) > 1:
            whole = self.groups.pop().end_choice()
            self.groups[-1].add(whole)

    def end(self) -> Fragment:
        """Return the whole."""
        while len(self.groups) > 1:
            self.end_group()
        return self.groups[0].end_choice()


def can_stall(pattern: str) -> bool:
    """Return whether a pattern that stands alone may make the engine slow, in one pass."""
    reader = Reader()
    for number, match in enumerate(PIECE.finditer(pattern)):
        if number == MOST_PIECES:
            return True
        reader.read(match)
    whole = reader.end()
    return whole.stalls or whole.wide > MOST_WIDE


def times_of(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the bounds of a quantifier; None for anything else."""
    piece = match.group()
    if piece in QUANTIFIERS:
        return QUANTIFIERS[piece]
    if piece[0] != "{" or match.lastindex is None:
        return None
    low = int(match[1] or 0)
    high = low if match[2] is None else int(match[3] or ENDLESS)
    return low, max(low, high)


def letters_of(piece: str) -> int:
    """Return out of how many letters a single character is, at least 1; 0 for a word."""
    if piece[0] == "[":
        return max(1, sum(map(letters_in, ranges_of(piece))))
    if piece[0] == "\\":
        return MANY_LETTERS if piece[1:] in tuple(WIDE_ESCAPES) else 1
    if piece == ".":
        return MANY_LETTERS
    return 1 if len(piece) == 1 else 0


def ranges_of(piece: str) -> list[range]:
    """Return the code points of a class; all where it is for what it does not say."""
    if OPEN_CLASS.search(piece):
        return [range(ENDLESS)]
    bounds = (
        ESCAPES[each[1]] if each[1] else (ord(each[2]), ord(each[3] or each[2]))
        for each in MEMBER.finditer(piece[1:-1])
    )
    return [range(low, high + 1) for low, high in bounds]


def letters_in(points: range) -> int:
    """Return how many small letters are in a range; any outside ASCII counts as one."""
    ascii_letters = range(max(points.start, ord("a")), min(points.stop, ord("z") + 1))
    return len(ascii_letters) + len(range(max(points.start, 128), points.stop))
