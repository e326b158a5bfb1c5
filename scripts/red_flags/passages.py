"""Make training passages of our own texts, alone and with ordinary sentences around them.

In `texts/LANGUAGE.txt`, `## LABEL: kind` opens a group, and each line below is a text. `{a|b|c}`
stands for one of these alternatives, `\\n` for a line break. `<...>` marks the words that give the
text its label; the words around them have the label `none`. The labels are the topics of notices,
`over` (an emergency has passed), the frames `exam`, `fiction` and `document`, and `none`.
"""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.safety.red_flags.measurements import ADULT, Measurement, measurement_table
from gateway.safety.red_flags.model import LETTERS, lines_of

TEXTS = Path(__file__).with_name("texts")
LANGUAGES = ("en", "de", "es", "fr", "pt", "it", "any")
COPIES, PLAIN_COPIES = 10, 60  # of a text with alternatives, at most; plain ones are few
PLAIN_WEIGHT = 8.0  # such texts have few words, and make few passages
# Of emergencies, where the known sets of a language have fewer alarms to spare than misses.
LANGUAGE_WEIGHTS = {"de": 1.25, "es": 1.4, "fr": 1.4}
TELEGRAMS, CLAUSES = 0.3, 0.3  # shares of emergencies without small words; with a clause after them
SMALL_WORDS = frozenset((TEXTS / "small_words").read_text("utf-8").split())
SEVERAL = 600  # lines with several values
YOUNG = {"newborn": "baby 3 weeks, ", "infant": "baby 7 months, ", "child": "girl 6 years, "}
SLOT = re.compile(r"\{([^{}]*)\}")
OPEN, CLOSE = "<", ">"
NO_MARK = re.compile("[^<>]")
STOP = re.compile(r"[.!?]*(>?)$")
WITH_MARKS = bytes(code if chr(code) in "<>" else read for code, read in enumerate(LETTERS))


class Text(NamedTuple):
    """One line of a file."""

    label: str
    kind: str
    pattern: str


class Value(NamedTuple):
    """A measurement in a band of an age group."""

    measurement: Measurement
    group: str
    band: int

    def is_dangerous(self) -> bool:
        return b"very" in self.measurement.bands[self.group][1][self.band]

    def write(self, dice: random.Random) -> str:
        """Write a value of the band, as people do."""
        low, high = self.measurement.bands[self.group][0][self.band : self.band + 2]
        number = f"{dice.uniform(low, high):.{2 if high - low < 1 else int(high <= 45)}f}"
        name = dice.choice(self.measurement.words)
        if name.endswith("/"):
            return f"{name[:-1]} {number}/{float(number) * 0.6:.0f}"
        return f"{name}{dice.choice((' ', ': ', ' is ', ' = '))}{number}"


class Passage(NamedTuple):
    """Training example: a line, or two, and their label."""

    words: str
    label: str
    weight: float = 1.0


def texts(language: str) -> Iterator[Text]:
    """Return the texts of a language."""
    label = kind = ""
    for line in (TEXTS / f"{language}.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            label, kind = line[3:].split(": ")
        else:
            yield Text(label, kind, line.replace("\\n", "\n"))


def passages(seed: int) -> Iterator[Passage]:
    """Return the passages of all texts; the same seed gives the same passages."""
    dice = random.Random(seed)  # noqa: S311 - no secret: reproducible on purpose
    for language in LANGUAGES:
        written = list(texts(language))
        company = [each.pattern for each in written if each.kind == "company"]
        clauses = [each.pattern for each in written if each.kind == "clause"]
        for each in written:
            for variant in make_variants(each, company, clauses, dice):
                for words, label in label_lines(variant, each.label):
                    weight = PLAIN_WEIGHT if each.kind == "plain" else 1.0
                    weight *= LANGUAGE_WEIGHTS.get(language, 1.0) if label[:3] == "MED" else 1.0
                    yield Passage(words, label, weight)
    yield from measurements(dice)


def measurements(dice: random.Random) -> Iterator[Passage]:
    """Yield passages with one measured value, for each band, and with several."""
    values = [
        Value(each, group, band)
        for each in measurement_table().measurements
        for group in (each.bands if each.depends_on_age else [ADULT])
        for band in range(len(each.bands[group][1]))
    ]
    ordinary = [each for each in values if each.group == ADULT and not each.is_dangerous()]
    for value in values:
        for _ in value.measurement.words:
            yield from measured([value], dice)
    for _ in range(SEVERAL):
        some = dice.sample(ordinary, dice.randint(2, 5))
        yield from measured(some, dice)
        yield from measured([dice.choice(values), *some[:2]], dice)


def measured(values: Sequence[Value], dice: random.Random) -> Iterator[Passage]:
    """Yield a line of values, with the topic of the first dangerous one that is read in it."""
    text = YOUNG.get(values[0].group, "") + dice.choice((", ", " ")).join(
        each.write(dice) for each in values
    )
    for line in lines_of(text):
        words = " ".join(line.split())
        read = [each.measurement for each in values]
        topics = (each.topic for each in read if f"{each.name}very" in words)
        yield Passage(words, next(topics, "none"))


def make_variants(
    each: Text, company: Sequence[str], clauses: Sequence[str], dice: random.Random
) -> Iterator[str]:
    """Yield a text with each of its alternatives: as it is, mistyped, as a telegram, in company."""
    copies = PLAIN_COPIES if each.kind == "plain" else COPIES
    for written in expand(each.pattern, copies, dice):
        yield written
        is_case = each.label.startswith("MED") or each.label == "over"
        for share in (0.25, 0.5) if is_case else (0.25,):
            if dice.random() < (0.4 if is_case else 0.3):
                yield mistype(written, share, dice)
        if is_case and company and dice.random() < 0.6:
            before, after = (choose(dice.choice(company), dice) for _ in range(2))
            # A short text has often no full stop: it is then one line with what follows.
            open_end = STOP.sub(r"\1", written)
            yield dice.choice((f"{before} {written} {after}", f"{open_end} {after}"))
        if is_case and clauses and dice.random() < CLAUSES:
            yield STOP.sub(r"\1", written) + dice.choice(clauses)
        if dice.random() < TELEGRAMS * (1.0 if is_case else 0.5):
            yield shorten(written)


def expand(pattern: str, copies: int, dice: random.Random) -> list[str]:
    """Return some of the texts of a pattern; a pattern with more slots gives more."""
    number = min(copies, (1 + 3 * len(SLOT.findall(pattern))) * copies // COPIES)
    return list(dict.fromkeys(choose(pattern, dice) for _ in range(number)))


def choose(pattern: str, dice: random.Random) -> str:
    """Return a pattern with one alternative for each slot."""
    return SLOT.sub(lambda slot: dice.choice(slot[1].split("|")), pattern)


def shorten(written: str) -> str:
    """Return a text without its small words, as in a telegram."""
    bare = ((word, word.strip("<>").lower()) for word in written.split(" "))
    return " ".join(NO_MARK.sub("", word) if plain in SMALL_WORDS else word for word, plain in bare)


def mistype(written: str, share: float, dice: random.Random) -> str:
    """Return a text in which a share of the words have an error."""
    return " ".join(
        misspell(word, dice) if len(word) > 3 and word.isalpha() and dice.random() < share else word
        for word in written.split(" ")
    )


def misspell(word: str, dice: random.Random) -> str:
    """Return a word with a letter left out, doubled, or swapped with the next."""
    at = dice.randrange(1, len(word) - 1)
    first, second = word[at], word[at + 1]
    middle = dice.choice((second, first + first + second, second + first))
    return word[:at] + middle + word[at + 2 :]


def label_lines(written: str, label: str) -> Iterator[tuple[str, str]]:
    """Yield each line, and each pair of lines, with its label.

    A passage with a whole mark has the text's label, one without a mark has `none`. A passage with
    a part of a mark is left out.
    """
    lines = marked_lines(written)
    sizes = {mark: sum(mark in marks for _, marks in lines) for _, marks in lines for mark in marks}
    for at in range(len(lines)):
        for part in (lines[at : at + 1], lines[at - 1 : at + 1]):
            inside = [mark for _, marks in part for mark in marks]
            is_whole = any(inside.count(mark) == min(sizes[mark], 2) for mark in inside)
            is_sure = is_whole or (not inside and label != "exam")
            if part and is_sure:
                yield " ".join(line for line, _ in part), label if is_whole else "none"


def marked_lines(written: str) -> list[tuple[str, set[int]]]:
    """Return the lines of a text, each with the numbers of the marks that are in it."""
    lines, mark, is_open = [], -1, False
    spaced = re.sub(r"([.!?;]*)>", r" > \1", written).replace("<", " < ")
    for line in lines_of(spaced.lower(), WITH_MARKS):
        marks = {mark} if is_open else set()
        for word in line.split():
            if word == OPEN:
                mark, is_open = mark + 1, True
                marks.add(mark)
            elif word == CLOSE:
                is_open = False
        plain = " ".join(word for word in line.split() if word not in (OPEN, CLOSE))
        if plain:
            lines.append((plain, marks))
    return lines
