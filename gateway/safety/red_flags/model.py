"""The classifier of lines: it splits a text into lines, and sums the weights of words, pairs of
words and pieces of a word.

Training and screening use the same lines: sentences in lower-case ASCII letters, without
punctuation and accents, so that the form of a text does not matter. A fragment is joined with the
line after it. Each step is one call for the whole text, because a loop in Python would be too slow.

`python -m scripts.red_flags.train` makes `model.json.gz` (logistic regression, scikit-learn);
docs/red-flags.md is its card. The model is linear, so the weight of two lines together is the sum
of their weights. Why no library is used at run time: docs/decisions.md.
"""

import gzip
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from html.entities import html5
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import orjson

from gateway.safety.red_flags.measurements import alternation, mark_measurements

SHORTEST, LONGEST = 10, 240  # characters of a line; longer ones are split
PART = 4_096  # characters in one step: 0.1 ms, 4 where each second word is a measured value
SLICE = 32  # characters normalized at once: the time for combining marks is quadratic
# Ends of sentences, and of fields in forms, JSON and tables.
STOPS = (b". ", b"?", b"!", b"; ", b" - ", b" / ", b'",', b',"', b'":', rb"\n")
BORDERS = "\n\t|<>{}[]"  # of lines, cells, tags, objects
GLUED = re.compile(rb"\.(?<=[a-z\xe0-\xff]{2}\.)(?=[a-z\xe0-\xff]{2})")  # without a blank
# A sentence that begins after one without a full stop.
OPENERS = Path(__file__).with_name("openers.txt").read_text("utf-8").split()
UNSTOPPED = re.compile(
    rf" (?=[A-Z\xc0-\xde])(?<=[a-z\xdf-\xff0-9)] )(?={alternation({*OPENERS})}(?![\w']))"
)
MARKS = (
    ("\u2019", "'"),
    ("\u2018", "'"),
    ("\u2013", " "),
    ("\u2014", " "),
    ("\u2026", ". "),
    ("\u3002", ". "),
)
# Escaped letters of JSON and HTML.
ESCAPE = re.compile(r"\\u[0-9a-f]{4}|&#?[0-9a-z]{2,6};")
COUNTS = {*map(chr, range(0x20, 0x100)), *dict(MARKS)}
ESCAPED = {f"&{name}": letter for name, letter in html5.items() if letter in COUNTS} | {
    form.format(ord(letter)): letter
    for letter in COUNTS
    for form in ("\\u{:04x}", "&#{};", "&#x{:x};")
}
# Letters of other scripts that look like Latin ones; and a sign that is 18 letters, taken apart.
LOOKALIKES = str.maketrans("авеіјкмнорѕстухαικνορτυω\ufdfa", "abeijkmhopsctyxaiknoptuw ")
FILE = Path(__file__).with_name("model.json.gz")
LIKELY = 1.0  # log-odds: 73 %
# Log-odds of a line's words below which its pairs are ignored. Pairs take half of the time; below
# this they correct two texts in 6,000.
HOPELESS = -5.0
FEWEST = 6  # words; a shorter line counts as this long
MOST_WORDS = 2 * LONGEST  # of two lines
PIECE, LONGEST_WORD = 4, 14  # letters
GENERAL = "MED100"  # an emergency without a topic
NAME = re.compile(r"[^ ]+")
NUMBERS: dict[int, int] = {}


def read_as(code: int) -> str:
    """Return the replacement of a character of Latin-1: its base letter, 0 for a digit, a line
    break, or a blank."""
    base = unicodedata.normalize("NFKD", chr(code).lower())[0]
    if base.isdigit():
        return "0"  # the length of a number matters, not its value
    if base in BORDERS:
        return "\n"
    if base.isascii() and base.isalpha():
        return base
    return "s" if base == "ß" else " "


LETTERS = "".join(map(read_as, range(256))).encode()


def without_escapes(text: str) -> str:
    """Decode the escapes of JSON and HTML in a lower-case text."""
    if "&" not in text and "\\u" not in text:
        return text
    return ESCAPE.sub(lambda found: ESCAPED.get(found[0], found[0]), text)


def latin(text: str) -> bytes:
    """Encode a text in Latin-1; of other scripts, only letters that look Latin remain."""
    if text.isascii():
        return text.encode()
    for mark, plain in MARKS:
        text = text.replace(mark, plain)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return bare(text.translate(LOOKALIKES)).encode("latin-1", "ignore")


def bare(text: str) -> str:
    """Return a text with its accents split from their letters (NFKD)."""
    slices = (text[at : at + SLICE] for at in range(0, len(text), SLICE))
    return "".join(map(partial(unicodedata.normalize, "NFKD"), slices))


def lines_of(text: str, letters: bytes = LETTERS) -> list[str]:
    """Return the lines of a text, none longer than `LONGEST`."""
    flat = mark_measurements(latin(without_escapes(UNSTOPPED.sub("\n", text).lower())))
    for stop in STOPS:
        flat = flat.replace(stop, b"\n")
    flat = GLUED.sub(b"\n", flat)
    return list(join_fragments(flat.translate(letters, b"'").decode().split("\n")))


def join_fragments(pieces: list[str]) -> Iterator[str]:
    """Join fragments with the line after them, and split lines that are too long."""
    head = ""
    for piece in pieces:
        line = f"{head} {piece}" if head else piece
        if line.isspace():
            continue
        if len(line) < SHORTEST:
            head = line
            continue
        head = ""
        if len(line) > LONGEST:
            yield from split_line(line)
        else:
            yield line
    if head and not head.isspace():
        yield head


def split_line(line: str) -> Iterator[str]:
    """Split a line at blanks, and drop parts that contain nothing else."""
    while line:
        at = len(line)
        if at > LONGEST:
            at = line.rfind(" ", SHORTEST, LONGEST) + 1 or LONGEST
        if not line[:at].isspace():
            yield line[:at]
        line = line[at:]


def parts_of(text: str) -> Iterator[str]:
    """Split a text at blanks into parts of at most `PART` characters."""
    start = 0
    while start < len(text):
        end = start + PART
        if end < len(text):
            end = text.rfind(" ", start + PART // 2, end) + 1 or end
        yield text[start:end]
        start = end


# The words of a line, the number of different ones, the sum of their weights, its log-odds (0 is
# undecided, 3 is 95 %). A named tuple takes ten times as long to make, a tenth of the whole time.
WeighedLine: TypeAlias = tuple[list[str], int, int, float]
NOTHING: WeighedLine = ([""], 0, 0, -math.inf)


class Worths(dict[str, int]):
    """Weight of each known word; that of an unknown word is the sum of its pieces', not cached."""

    def __init__(self, words: Mapping[str, int], pieces: Mapping[str, int]) -> None:
        super().__init__(words)
        self._pieces = pieces

    def __missing__(self, word: str) -> int:
        return sum(filter(None, map(self._pieces.get, pieces_of(word))))


class Classifier:
    """One yes-or-no question about a line: an emergency, a frame, or the end of an emergency."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        words, pieces = column(table["words"]), column(table["pieces"])
        self._worth_of = Worths(words, pieces).__getitem__ if pieces else words.get
        pairs, worths = table["pairs"]
        both = names(pairs)
        self._pairs: dict[tuple[str, str], int] = dict(
            zip(zip(both, both, strict=True), intern_numbers(worths), strict=True)
        )
        self._bias: float = table["bias"]
        unit: float = table["unit"]
        self._units: list[float] = [
            unit / math.sqrt(max(size, FEWEST)) for size in range(MOST_WORDS)
        ]

    def read(self, line: str) -> WeighedLine:
        """Return a line with the weight of its words, and its log-odds."""
        words = line.split()
        different = set(words)  # a repeated word counts once
        size = len(different)
        worth = sum(filter(None, map(self._worth_of, different)))
        odds = worth * self._units[size] + self._bias
        if odds > HOPELESS:
            worth += self._worth_of_pairs(words, is_repeated=size < len(words))
            odds = worth * self._units[size] + self._bias
        return words, size, worth, odds

    def _worth_of_pairs(self, words: list[str], *, is_repeated: bool) -> int:
        pairs: Iterable[tuple[str, str]] = zip(words, words[1:], strict=False)  # noqa: RUF007 - `pairwise` takes longer
        return sum(filter(None, map(self._pairs.get, set(pairs) if is_repeated else pairs)))

    def odds_of_both(self, first: WeighedLine, second: WeighedLine) -> float:
        """Return the log-odds of two neighbouring lines as one; if both are `HOPELESS`, those of
        the second."""
        words, size, worth, odds = first
        next_words, next_size, next_worth, next_odds = second
        if odds <= HOPELESS and next_odds <= HOPELESS:
            return next_odds
        worth += next_worth + self._pairs.get((words[-1], next_words[0]), 0)
        return worth * self._units[size + next_size] + self._bias

    def is_likely(self, line: str) -> bool:
        """Return whether the answer is yes."""
        return self.read(line)[-1] > LIKELY


class Topics:
    """The topics of emergencies: log-odds of each topic by word (naive Bayes)."""

    def __init__(self, table: Mapping[str, tuple[str, list[int]]]) -> None:
        self._by_word: dict[str, tuple[tuple[str, int], ...]] = {}
        known: dict[tuple[str, int], tuple[str, int]] = {}
        for topic, worths in table.items():
            for word, worth in column(worths).items():
                of_topic = topic, worth
                before = self._by_word.get(word, ())
                self._by_word[word] = *before, known.setdefault(of_topic, of_topic)

    def names(self) -> set[str]:
        """Return all topics."""
        return {topic for worths in self._by_word.values() for topic, _ in worths}

    def of(self, words: Sequence[str]) -> str:
        """Return the likeliest topic of a passage."""
        worths = {GENERAL: 0}
        for word in words:
            for topic, worth in self._by_word.get(word, ()):
                worths[topic] = worths.get(topic, 0) + worth
        return max(worths, key=worths.__getitem__)

    def signs(self, topic: str, words: Sequence[str]) -> set[str]:
        """Return the words with at least half the weight for a topic that the best word has."""
        worths = {word: dict(self._by_word.get(word, ())).get(topic, 0) for word in words}
        least = max(worths.values(), default=0) / 2
        return {word for word, worth in worths.items() if worth > 0 and worth >= least}


class Model(NamedTuple):
    """The classifiers, the topics, the threshold of a long text, and the smaller ones that a text
    needs of 1, 2, 4 lines and so on, as differences."""

    emergency: Classifier
    frame: Classifier
    over: Classifier
    topics: Topics
    threshold: float
    rises: Sequence[float]


def column(names_and_worths: tuple[str, list[int]]) -> dict[str, int]:
    """Return the weights by name; the names are separated by blanks."""
    text, worths = names_and_worths
    return dict(zip(names(text), intern_numbers(worths), strict=True))


def names(text: str) -> Iterator[str]:
    """Yield the names in a text, interned: a word is in many pairs and columns.

    A list of all would fragment memory.
    """
    return map(sys.intern, map(re.Match.group, NAME.finditer(text)))


def intern_numbers(worths: list[int]) -> Iterator[int]:
    """Yield weights, each number once in memory: 140,000 weights have 1,400 values."""
    return map(NUMBERS.setdefault, worths, worths)


def pieces_of(word: str) -> tuple[str, ...]:
    """Return every second piece of a word, and the last: a typing error changes only some."""
    whole = f"<{word[:LONGEST_WORD]}>"
    return PARTINGS[len(whole)](whole)


def parting(size: int) -> Callable[[str], tuple[str, ...]]:
    """Return a function that cuts words of one length; preparing it halves the time."""
    starts = range(0, max(1, size - PIECE + 1), 2)
    return itemgetter(*[slice(at, at + PIECE) for at in starts], slice(-PIECE, None))


PARTINGS = list(map(parting, range(LONGEST_WORD + 3)))


def log_odds(chance: float) -> float:
    """Return the log-odds of a probability; infinity for 1."""
    return math.log(chance / (1 - chance)) if chance < 1 else math.inf


@cache
def model() -> Model:
    table = orjson.loads(gzip.decompress(FILE.read_bytes()))
    emergency, frame, over = (Classifier(table[name]) for name in ("emergency", "frame", "over"))
    limits = table["threshold"], table["rises"]
    return Model(emergency, frame, over, Topics(table["topics"]), *limits)
