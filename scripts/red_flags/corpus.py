"""Texts of our own for the classifier: lines with alternatives, typed with and without errors.

`texts/LANGUAGE.txt`: `## label: kind` opens a group; `{a|b|c}` stands for one of its alternatives,
`\\n` for a line break; `any.txt` is what has no medical content in any other language, or in none.
Beside them the corpus that the rules are tuned on, and generated noise.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.red_flags.noise import noise
from scripts.red_flags.sources import Example
from tests.gateway.safety.red_flags.corpus import ordinary, pairs, vignettes
from tests.gateway.safety.red_flags.hits import HITS
from tests.gateway.safety.red_flags.near_misses import NEAR_MISSES

TEXTS = Path(__file__).with_name("texts")
LANGUAGES = ("en", "de", "es", "fr", "any")
SEED = 16
COPIES = 10  # of a line with alternatives, at most
SLOT = re.compile(r"\{([^{}]*)\}")

# Said before or after anything, so that neither says what it is.
ASIDES = {
    "en": (
        "hi",
        "quick question",
        "what should I do",
        "please advise",
        "thanks",
        "any advice?",
        "hello doctor",
        "what next?",
        "is this normal?",
        "sorry for my english",
        "no emergency",
    ),
    "de": ("hallo", "eine Frage", "was soll ich tun", "danke", "ist das normal?", "kein Notfall"),
    "es": ("hola", "una pregunta", "qué hago", "gracias", "¿es normal?", "no es urgente"),
    "fr": ("bonjour", "une question", "que faire", "merci", "c'est normal ?", "pas urgent"),
    "any": ("ok", "?", "...", "123"),
}


def own(seed: int = SEED) -> list[Example]:
    """Return the texts of our own, the same ones for a seed."""
    dice = random.Random(seed)  # noqa: S311  no secret: reproducible on purpose
    found = [example for language in LANGUAGES for example in _of(language, dice)]
    return found + tuned() + noise(dice)


def tuned() -> list[Example]:
    """Return the corpus that the rules were written for."""
    found = []
    for suffix in ("", "_de", "_es"):
        language = suffix[1:] or "en"
        texts = [(text, False) for text in ordinary(suffix)]
        texts += [(each["text"], True) for each in vignettes(suffix)]
        found += [
            Example(text, label, "question", f"rules {language} {number}", language)
            for number, (text, label) in enumerate(texts)
        ]
    cases = [(text, True) for _, text in pairs(HITS)]
    cases += [(text, False) for _, text in pairs(NEAR_MISSES)]
    return found + [
        Example(text, label, "question", f"rule {number}")
        for number, (text, label) in enumerate(cases)
    ]


def templates(language: str) -> Iterator[tuple[str, bool, str]]:
    """Return the lines of a language's file, with their label and kind."""
    label, kind = "", ""
    for line in (TEXTS / f"{language}.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            label, kind = line[3:].split(": ")
        else:
            yield line.replace("\\n", "\n"), label == "emergency", kind


def _of(language: str, dice: random.Random) -> Iterator[Example]:
    lines = list(templates(language))
    neutral = [line for line, label, kind in lines if not label and kind == "question"]
    for number, (line, label, kind) in enumerate(lines):
        for text in expanded(line, dice):
            group = f"{language} {number}"
            for variant in variants(text, kind, neutral, language, dice):
                yield Example(variant, label, kind, group, language)


def expanded(line: str, dice: random.Random) -> list[str]:
    """Return some of a line's expansions, each once."""
    slots = len(SLOT.findall(line))
    wanted = min(COPIES, 1 + 3 * slots)
    return list(dict.fromkeys(chosen(line, dice) for _ in range(wanted)))


def chosen(line: str, dice: random.Random) -> str:
    """Return a line with one alternative for each slot."""
    return SLOT.sub(lambda slot: dice.choice(slot[1].split("|")), line)


def variants(
    text: str, kind: str, neutral: Sequence[str], language: str, dice: random.Random
) -> Iterator[str]:
    """Return a text as it is, and sometimes: mistyped, with an aside, beside an unrelated one."""
    yield text
    if kind not in ("question", "transcript"):
        return
    if dice.random() < 0.6:
        yield mistyped(text, dice)
    if dice.random() < 0.2:
        aside = dice.choice(ASIDES[language])
        yield dice.choice((f"{aside}, {text}", f"{text} {aside}"))
    if dice.random() < 0.15:
        beside = chosen(dice.choice(neutral), dice)
        yield dice.choice((f"{beside}. {text}", f"{text}. {beside}"))


def mistyped(text: str, dice: random.Random) -> str:
    """Return a text with an error in every fourth word or so."""
    return " ".join(
        slipped(word, dice) if len(word) > 3 and dice.random() < 0.25 else word
        for word in text.split(" ")
    )


def slipped(word: str, dice: random.Random) -> str:
    """Return a word with a letter left out, doubled, or swapped with the next."""
    at = dice.randrange(1, len(word) - 1)
    first, second = word[at], word[at + 1]
    kind = dice.randrange(3)
    middle = (second, first + first + second, second + first)[kind]
    return word[:at] + middle + word[at + 2 :]
