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

from gateway.safety.red_flags.model import LETTERS, lines_of
from scripts.red_flags import sources

TEXTS = Path(__file__).with_name("texts")
LANGUAGES = ("en", "de", "es", "fr", "pt", "it", "any")
COPIES, PLAIN_COPIES = 10, 60  # of a text with alternatives, at most; plain ones are few
PLAIN_WEIGHT = 8.0  # such texts have few words, and make few passages
# Of emergencies, where the known sets of a language have fewer alarms to spare than misses.
LANGUAGE_WEIGHTS = {"de": 1.25, "es": 1.4, "fr": 1.4}
LINES, RECORD_LINES = 5, 3  # at most, of a public text and of a clinical record
SLOT = re.compile(r"\{([^{}]*)\}")
OPEN, CLOSE = "<", ">"
WITH_MARKS = bytes(code if chr(code) in "<>" else read for code, read in enumerate(LETTERS))


class Text(NamedTuple):
    """One line of a file."""

    label: str
    kind: str
    pattern: str


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
        for each in written:
            for variant in make_variants(each, company, dice):
                for words, label in label_lines(variant, each.label):
                    yield Passage(words, label, weight_of(each, label, language))


def weight_of(each: Text, label: str, language: str) -> float:
    weight = PLAIN_WEIGHT if each.kind == "plain" else 1.0
    return weight * LANGUAGE_WEIGHTS.get(language, 1.0) if label.startswith("MED") else weight


def public(clones: Path, seed: int) -> Iterator[Passage]:
    """Return some lines of each public text with the label `none`.

    Of an exam item only the last line of the stem is used: its question, with the label `exam`.
    """
    dice = random.Random(seed)  # noqa: S311 - no secret: reproducible on purpose
    for source in sources.sources("train"):
        for example in sources.read(source, clones):
            if example.is_emergency or example.kind == "research":
                continue  # nobody has marked the line; and studies describe cases
            lines = lines_of(example.text)
            if example.kind == "exam":
                stem = lines_of(example.text.split("\n")[0])
                parts = [(" ".join(stem[-1:]), "exam")]
            else:
                most = RECORD_LINES if example.kind == "record" else LINES  # emergencies read alike
                starts = dice.sample(range(len(lines)), min(most, len(lines)))
                parts = [
                    (" ".join(lines[at : at + size]), "none") for at in starts for size in (1, 2)
                ]
            for words, label in parts:
                yield Passage(" ".join(words.split()), label)


def make_variants(each: Text, company: Sequence[str], dice: random.Random) -> Iterator[str]:
    """Yield a text with each of its alternatives: as it is, mistyped, in company."""
    copies = PLAIN_COPIES if each.kind == "plain" else COPIES
    for written in expand(each.pattern, copies, dice):
        yield written
        is_case = each.label.startswith("MED") or each.label == "over"
        for share in (0.25, 0.5) if is_case else (0.25,):
            if dice.random() < (0.4 if is_case else 0.3):
                yield mistype(written, share, dice)
        if is_case and company and dice.random() < 0.6:
            beside = choose(dice.choice(company), dice)
            yield dice.choice((f"{beside} {written}", f"{written} {beside}"))


def expand(pattern: str, copies: int, dice: random.Random) -> list[str]:
    """Return some of the texts of a pattern; a pattern with more slots gives more."""
    number = min(copies, (1 + 3 * len(SLOT.findall(pattern))) * copies // COPIES)
    return list(dict.fromkeys(choose(pattern, dice) for _ in range(number)))


def choose(pattern: str, dice: random.Random) -> str:
    """Return a pattern with one alternative for each slot."""
    return SLOT.sub(lambda slot: dice.choice(slot[1].split("|")), pattern)


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
    for line in lines_of(spaced, WITH_MARKS):
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
