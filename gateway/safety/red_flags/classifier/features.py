"""Words, pairs of words and shapes of a text, as the classifier counts them.

The training script imports this module: what is counted in training is what is counted here.
Everything runs over a whole text at once where it can: 5 KB take 0.3 ms.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

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
NEGATED = "~"
LONGEST_WORD = 30  # in characters: longer ones are encoded data, or noise

KEPT = "abcdefghijklmnopqrstuvwxyz0123456789'/"
# For bytes, ten times faster than for text: whatever is neither kept nor a stop parts words.
WORDS = bytes(code if chr(code) in KEPT + STOPS else 32 for code in range(256))
DECIMAL = re.compile(r"[.,](?<=\d.)(?=\d)")
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


def tokens_of(text: str) -> list[str]:
    """Return the words of a text; negated ones marked, numbers by their magnitude."""
    lowered = text.lower()
    if not lowered.isascii():
        lowered = plain(lowered)
    parted = DECIMAL.sub("'", lowered).replace("\n", ".")  # a line ends a negation, too
    for stop in STOPS:
        parted = parted.replace(stop, f" {stop} ")
    parted = parted.encode().translate(WORDS).decode()
    words = [word if word.isalpha() else special(word) for word in parted.split()]
    if not NEGATIONS.isdisjoint(words):
        mark_negated(words)
    return [word for word in words if word not in BETWEEN and len(word) <= LONGEST_WORD]


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


def mark_negated(words: list[str]) -> None:
    """Mark the words that a negation reaches, in place."""
    for at in [at for at, word in enumerate(words) if word in NEGATIONS]:
        for near in range(at + 1, min(at + 1 + REACH, len(words))):
            word = words[near]
            if word in BETWEEN or word in NEGATIONS:
                break
            if word.isalpha():
                words[near] = NEGATED + word


def pairs_of(tokens: Sequence[str]) -> list[str]:
    """Return each two neighbouring words as one."""
    return [f"{first} {second}" for first, second in pairwise(tokens)]


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
