"""Words, pairs of words and shapes of a text, as the classifier counts them.

The training script imports this module: what is counted in training is what is counted here.
Everything runs over a whole text, or a list of words, at once where it can.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, count

import re2

LONGEST_TEXT = 32_768  # in characters: a search is short for any text
STOPS = ".?!;:"
REACH = 6  # words that a negation reaches, unless a stop or a turn comes before
NEGATIONS = frozenset(
    [
        *("no", "not", "without", "denies", "denied", "deny", "never", "nor", "none", "negative"),
        *("don't", "dont", "doesn't", "doesnt", "isn't", "isnt", "wasn't", "aren't", "cannot"),
        *("can't", "cant", "won't", "wont", "couldn't", "hasn't", "haven't", "didn't", "didnt"),
        *("kein", "keine", "keinen", "keiner", "keinem", "nicht", "ohne", "nie", "verneint"),
        *("sin", "ni", "nunca", "niega", "tampoco"),
        *("pas", "sans", "aucun", "aucune", "jamais", "ne"),
    ]
)
TURNS = frozenset(
    ["but", "however", "though", "although", "aber", "jedoch", "pero", "aunque", "mais", "pourtant"]
)
BETWEEN = TURNS.union(STOPS)  # ends a negation, and is no word
NEGATED, SHAPE = "~", "@"  # open what is no word of the text itself
LONGEST_WORD = 30  # in characters: longer ones are encoded data, or noise

KEPT = "abcdefghijklmnopqrstuvwxyz0123456789'/"
STOP = "."  # any of STOPS, and the end of a line
PART = "\x01"  # between texts that are read in one go


def read_as(char: str) -> str:
    """Return what a character counts as: a stop, or a blank, unless it is one of a word."""
    if char in STOPS or char == "\n":
        return STOP
    return char.lower() if char.lower() in KEPT + PART else " "


# For bytes, ten times faster than for text.
WORDS = "".join(read_as(chr(code)) for code in range(256)).encode("latin-1")
DECIMAL = re.compile(rb"[.,](?<=\d.)(?=\d)")
NO_DIGITS = bytes(code for code in range(256) if chr(code) not in "0123456789")
# Letters of other scripts that look like Latin ones; typographic marks in their plain form.
LOOKALIKES = str.maketrans(
    "авеіјкмнорѕстухαικνορτυω\u2019\u2018\u2013\u2014\u2026\u00bf\u00a1\u00b0",
    "abeijkmhopsctyxaiknoptuw''-- ?! ",
)

# Signs of a document in the shape of a text, beside its words: each counts as one word.
SPEAKER = (
    "(?:doctor|patient|nurse|gp|dr|pt|clinician|mother|parent|caller|operator|"
    "arzt|ärztin|anrufer|leitstelle|médico|paciente|médecin|appelant)"
)
SHAPES = {
    "@options": r"(?:^|\s)\(?(?:[Bb]|2)[).:] ?\S",
    "@turns": rf"(?i:\[{SPEAKER}\]|\b{SPEAKER} ?: )",
    "@heading": r"(?:^|[\n.] ?)[A-ZÄÖÜÉ][A-ZÄÖÜÉ ]{2,40}(?:\([^)]{1,20}\))?\s?[:\n]",
    "@data": r'"\s?:|(?m:^\w{1,20}(?:[;,|]\w[\w ]{0,20}){2})',
    "@lines": r"\n[^\n]{3,400}\n[^\n]{3,400}\n",
}
SHAPE_BOUND = 2_000  # characters in which a shape is looked for


def shape_set() -> re2.Set:
    """Return the shapes as one automaton."""
    shapes = re2.Set.SearchSet()
    for pattern in SHAPES.values():
        shapes.Add(pattern)
    shapes.Compile()
    return shapes


SHAPE_SET, SHAPE_NAMES = shape_set(), tuple(SHAPES)


def bounded(text: str) -> str:
    """Return both ends of a very long text; any other as it is."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[: LONGEST_TEXT // 2]}\n\n{text[-LONGEST_TEXT // 2 :]}"


def plain(text: str) -> str:
    """Return a text in ASCII: no marks on letters, nothing invisible, lookalikes as what they
    look like."""
    latin = text.translate(LOOKALIKES).replace("ß", "ss")
    return unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode()


def special(word: str) -> str:
    """Return a word that is not of letters alone; a number without its last digit, so that `82`
    and `87` are the same word and `92` is not."""
    if word[0].isdecimal():
        return "/".join(rounded(part) for part in word.split("/")[:3])
    return word.strip("'/") or "'"


def rounded(number: str) -> str:
    whole, decimal, rest = number.partition("'")  # stands for the decimal sign
    digits = whole.rstrip(KEPT[:26])
    unit = whole[len(digits) :]
    if decimal:
        return f"{whole[:3]}.{rest.lstrip(KEPT[26:36])}"
    size = len(digits)
    return f"{digits if size < 2 else f'{digits[:-1]}x' if size < 4 else '1xxx'}{unit}"


class Vocabulary:
    """Words as they are counted, and as they are counted where a negation reaches them; worked out
    once for those that it is made of.

    Others are worked out each time and kept nowhere: they may be names.
    """

    def __init__(self, written: Iterable[str] = ()) -> None:
        known = {each: sys.intern(counted(each)) for each in (*written, *NEGATIONS, *TURNS, STOP)}
        self.counted = Spellings({**known, PART: PART})
        marked = {each: sys.intern(negated(each)) for each in known.values()}
        self.negated = Negated({**marked, PART: ""})


class Spellings(dict[str, str]):
    """Words as they are counted, by how they are written."""

    def __missing__(self, written: str) -> str:
        return counted(written)


class Negated(dict[str, str]):
    """Words as a negation marks them; nothing for those that end its reach."""

    def __missing__(self, word: str) -> str:
        return negated(word)


def counted(written: str) -> str:
    """Return a word as it is counted; nothing for what only ends a negation, or is too long."""
    word = written if written.isalpha() else special(written)
    return "" if word in BETWEEN or len(word) > LONGEST_WORD else word


def negated(word: str) -> str:
    if word in NEGATIONS:
        return ""
    return NEGATED + word if word.isalpha() else word


NOTHING_KNOWN = Vocabulary()


def tokens_of(text: str) -> list[str]:
    """Return the words of a text; negated ones marked, numbers by their magnitude."""
    return tokens_of_each([text], NOTHING_KNOWN)[0]


def tokens_of_each(texts: Sequence[str], vocabulary: Vocabulary) -> list[list[str]]:
    """Return the words of some texts, which cost less together."""
    joined = PART.join([text.replace(PART, " ") for text in texts])
    flat = (joined if joined.isascii() else plain(joined.lower())).encode()
    if flat.translate(None, NO_DIGITS):
        flat = DECIMAL.sub(b"'", flat)
    parted = flat.translate(WORDS).replace(b".", b" . ").replace(b"\x01", b" \x01 ")
    words = list(map(vocabulary.counted.__getitem__, parted.decode().split()))
    if not NEGATIONS.isdisjoint(words):  # the look costs a third of the search
        for at in list(compress(count(1), map(NEGATIONS.__contains__, words))):
            mark_negated(words, at, vocabulary.negated)
    return parts_of(list(filter(None, words)), len(texts))


def parts_of(words: list[str], number: int) -> list[list[str]]:
    """Return the words of each of the texts that were read in one go."""
    parts, start = [], 0
    for _ in range(number - 1):
        end = words.index(PART, start)
        parts.append(words[start:end])
        start = end + 1
    return [*parts, words[start:]]


def mark_negated(words: list[str], start: int, negated: Negated) -> None:
    """Mark the words that a negation before `start` reaches, in place."""
    for at, word in enumerate(words[start : start + REACH], start):
        marked = negated[word]
        if not marked:
            break
        words[at] = marked


def pairs_of(tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return each two neighbouring words."""
    return zip(tokens, tokens[1:], strict=False)  # noqa: RUF007 - `pairwise` makes a tuple for each


def shapes_of(text: str) -> list[str]:
    """Return the shapes of a document that a text, in its own letters, has."""
    found = SHAPE_SET.Match(text[:SHAPE_BOUND].encode(errors="replace")) or ()
    return [SHAPE_NAMES[number] for number in found]


def pieces_of(word: str) -> list[str]:
    """Return the parts of a word, of three to five letters, which outlive a typing error."""
    whole = f"<{word}>"
    return [
        whole[at : at + size] for size in (3, 4, 5) for at in range(max(0, len(whole) - size + 1))
    ]
