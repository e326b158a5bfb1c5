"""The weight of a pattern (regular expression) in a JSON schema, computed in one pass.

It estimates the engine's work, which tries its vocabulary at each place of the pattern: 1 for a
letter, 4 for a class that most characters fit, 0 for digits and literal characters. Repetition
counts multiply it. Each part of variable length multiplies the ways to match, and so the weight.
"""

import re

LETTER, ANY = 1, 4
MANY_TIMES = 6  # repetitions of a group; more of them multiply the ways to match it
HIGHEST = 10**6
COUNT = r"\{(?P<low>\d{0,9})(?P<comma>,)?(?P<high>\d{0,9})\}"
CLASS, GROUP = r"\[\^?\]?(?:[^\]\\]|\\.)*+\]?", r"\(\?(?:[:=!]|<[=!])"
PART = re.compile(
    rf"(?s:(?P<part>(?=\{{\d*,?\d*\}})|{CLASS}|{GROUP}|[a-zA-Z0-9]{{2,}}(?![?*+{{])|\\.|.)(?P<times>[?*+]|{COUNT})?)"
)
DIGITS = re.compile(r"\\d|\[(?:\d-\d|\\d|\d)+\]")
MOST_FIT = re.compile(r"(?s:\.|\\[DSWpP]|\[\^.*|\[.*(?:\\[DSWpPxu]|[\t ]-(?!\])).*)")
EMPTY = re.compile(r"(?:\A|\()\||\|(?=[|)]|\Z)")
SPACE = re.compile(r" |\\s")


def weight_of_pattern(pattern: str) -> int:
    """Return the weight, at least 1."""
    places = choices = 0
    open_parts = len(EMPTY.findall(pattern))
    factor = 1
    for match in PART.finditer(pattern):
        part, count = match["part"], highest(match)
        open_parts += is_open(match)
        if part in ("", ")"):  # a count may follow another
            factor = min(factor * max(count, 1), HIGHEST)
        places += weight_of_part(part) * count
        choices += part == "|"
    factor *= max(factor // MANY_TIMES, 1)
    return min(factor * (1 + choices + (places + open_parts) * max(open_parts, 1)), HIGHEST)


def weight_of_part(part: str) -> int:
    """Return the weight of one character of a part."""
    if part.isalnum():
        return 0
    if MOST_FIT.fullmatch(part) or has_words(part):
        return ANY
    is_letter = part in (r"\w", r"\s") or (part[:1] == "[" and not DIGITS.fullmatch(part))
    return LETTER if is_letter else 0


def has_words(part: str) -> bool:
    """Return whether a class has letters and spaces: most tokens consist of them."""
    letters = SPACE.sub("", part)
    return part[:1] == "[" and letters != part and bool(re.search(r"[a-zA-Z]|\\w", letters))


def highest(match: re.Match[str]) -> int:
    """Return the highest repetition count of a part, 1 without a count."""
    return max(int(match["low"] or 0), int(match["high"] or 0)) if match["low"] is not None else 1


def is_open(match: re.Match[str]) -> bool:
    """Return whether a quantifier allows different numbers of repetitions."""
    if match["low"] is None:
        return match["times"] is not None
    return match["comma"] is not None and match["low"] != match["high"]
