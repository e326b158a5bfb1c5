"""Texts that say nothing: made-up words, identifiers, digits, one word again and again.

Without them, the classifier learns the pieces of words from medical texts alone, and an unknown
word speaks for an emergency as often as against one.
"""

from __future__ import annotations

import base64
import random
import string

from scripts.red_flags.sources import Example

OF_EACH = 100  # texts: enough to be heard, few enough not to bend what the others teach
LENGTHS = (1, 1, 2, 3, 5, 8, 15)  # words: short texts are as many as long ones
REPEATS = 30
ONSETS = (
    *("b", "br", "ch", "d", "f", "g", "gl", "h", "j", "k", "l", "m", "n", "p", "qu", "r", "s"),
    *("sh", "st", "t", "th", "tr", "v", "w", "y", "z", ""),
)
VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ou", "io", "oo")
CODAS = ("", "", "n", "r", "s", "t", "l", "m", "ck", "nd", "ng", "st", "x", "th")
# Everyday words: in any number and order they are no report of anything.
PLAIN = (
    "apple river chair seven green letter morning paper garden winter yellow market bridge song "
    "lamp forest ticket window coffee planet story circle number silver pocket island train cloud "
    "the a of and in to for with on it this that one two say write read make give word line list"
)


def noise(dice: random.Random) -> list[Example]:
    """Return the texts, each of them an `other` question and a group of its own."""
    return [
        Example(make(dice), False, "question", f"{make.__name__} {number}", "any")
        for make in MAKERS
        for number in range(OF_EACH)
    ]


def made_up(dice: random.Random) -> str:
    """Return words that could be of some language, and are of none."""
    return " ".join(pseudo_word(dice) for _ in range(length(dice)))


def letters(dice: random.Random) -> str:
    """Return words of random letters."""
    sizes = (dice.randint(2, 12) for _ in range(length(dice)))
    return " ".join("".join(dice.choices(string.ascii_lowercase, k=size)) for size in sizes)


def identifiers(dice: random.Random) -> str:
    """Return words with digits: names of things, canaries, hexadecimal and base64."""
    return " ".join(identifier(dice) for _ in range(length(dice)))


def repeated(dice: random.Random) -> str:
    """Return one to three everyday words again and again."""
    return " ".join([plain_word(dice) for _ in range(dice.randint(1, 3))] * REPEATS)


def plain(dice: random.Random) -> str:
    """Return everyday words in no order."""
    return " ".join(plain_word(dice) for _ in range(length(dice)))


def marks(dice: random.Random) -> str:
    """Return digits and marks."""
    return "".join(dice.choices(string.digits + string.punctuation + "  ", k=length(dice)))


MAKERS = (made_up, letters, identifiers, repeated, plain, marks)


def length(dice: random.Random) -> int:
    return dice.choice(LENGTHS)


def plain_word(dice: random.Random) -> str:
    return dice.choice(PLAIN.split())


def pseudo_word(dice: random.Random) -> str:
    return "".join(
        dice.choice(ONSETS) + dice.choice(VOWELS) + dice.choice(CODAS)
        for _ in range(dice.randint(1, 4))
    )


def identifier(dice: random.Random) -> str:
    """Return a word with a number, hexadecimal digits, or encoded bytes."""
    forms = (
        f"{pseudo_word(dice)}{dice.randint(0, 99_999)}",
        f"{pseudo_word(dice)}_{pseudo_word(dice)}",
        f"{dice.getrandbits(48):x}",
        base64.b64encode(dice.randbytes(dice.randint(6, 18))).decode(),
    )
    return dice.choice(forms)
