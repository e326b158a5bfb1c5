"""The sieve: looser than the patterns it stands for, and never in the other direction."""

import random

import pytest

from gateway.safety.red_flags.prefilter import Prefilter, alternatives
from gateway.safety.red_flags.rules import RULES
from gateway.safety.red_flags.sentences import normal, sentences_of
from tests.gateway.safety.red_flags.corpus import ordinary, vignettes

LANGUAGES = ("", "_de", "_es")
TEXTS = [text for tag in LANGUAGES for text in ordinary(tag)]
TEXTS += [each["text"] for tag in LANGUAGES for each in vignettes(tag)]
WORDS = sorted({word for text in TEXTS for word in text.split()})
GAPS = (
    *[" "] * 12,
    ". ",
    "\n",
    " \n\n",
    "\t",
    "; ",
    "  ",
    ", ",
    "\x0b",
    "\x1c",
    "\u2003",
    "\u2013",
)
SIGNS = [
    sign
    for rule in RULES
    for signs in rule.signs.values()
    for sign in (signs.strong, signs.weak, *(sign for pair in signs.together for sign in pair))
    if sign
]


# A sieve holds the signs of one rule in one language; all of them are too many for one.
SIEVES = [Prefilter([sign.pattern]) for sign in SIGNS]


def passed(text: bytes) -> set[int]:
    """The numbers of the signs that may be in a text."""
    return {number for number, sieve in enumerate(SIEVES) if sieve.hits(text)}


def varied(chance: random.Random) -> str:
    """A text of the corpus with words lost and added, and odd gaps between them."""
    words = chance.choice(TEXTS).split()
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(words) + 1)
        words[at : at + chance.randint(0, 1)] = [chance.choice(WORDS)] * chance.randint(0, 1)
    text = "".join(word + chance.choice(GAPS) for word in words)
    return chance.choice((text, text.upper(), text.replace("'", "\u2019"), text.replace("'", "")))


@pytest.mark.parametrize("seed", range(4))
def test_what_a_sign_matches_passes_its_sieve(seed: int) -> None:
    """Any sign in any sentence, as written and however it was typed."""
    chance = random.Random(seed)
    matched = 0
    for text in [*TEXTS[seed::4], *(varied(chance) for _ in range(300))]:
        lowered = normal(text)
        raw = text.encode() if text.isascii() else lowered.encode()
        whole = passed(raw)
        for sentence in sentences_of(lowered):
            found = {n for n, sign in enumerate(SIGNS) if sign.search(sentence)}
            matched += len(found)
            assert found <= whole
            assert found <= passed(sentence.encode())

    assert matched > 150


def test_a_text_no_sign_is_in_passes_none() -> None:
    """The first look is worth its while: a note about nothing urgent goes no further."""
    assert passed(b"The committee reviewed the quarterly report and its costs.") == set()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\bkeep (?=away)away(?! (?:from (?:it|that)|now))", "KEEP  away"),
        (r"two[- ]?months?", "two \n months"),
        (r"isn't", "isnt"),
        (r"(?: up)?+(?! late) stay$", " stay"),
        (r"\w{3}\d", "\u00fc\u00f6\u00e4\u0663"),
    ],
)
def test_what_is_loosened_and_how(pattern: str, text: str) -> None:
    """No boundaries, no lookaround, any blanks, apostrophes or none, letters beyond ASCII."""
    assert Prefilter([pattern]).hits(text.encode()) == {0}


def test_a_group_without_an_end_is_an_error() -> None:
    """A rule with a slip in it does not start."""
    with pytest.raises(ValueError, match="is not closed"):
        alternatives("(?!never")
