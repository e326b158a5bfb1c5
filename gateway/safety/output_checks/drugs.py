"""Drugs by the names in drugs.txt, and whether a document speaks of one."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import re2

LIST = Path(__file__).with_name("drugs.txt")
STEM = 5  # letters that a misheard or misspelt name has in common with the right one


class Drug(NamedTuple):
    """A drug: every name, and the words for its kind."""

    name: str
    names: frozenset[str]
    kinds: frozenset[str]


class Mention(NamedTuple):
    """A drug's name in a text."""

    drug: Drug
    start: int
    end: int


@cache
def by_name() -> dict[str, Drug]:
    """Return every drug by each of its names."""
    lines = (line for line in LIST.read_text("utf-8").splitlines() if line[:1] not in ("", "#"))
    return {name: drug for drug in map(parsed, lines) for name in drug.names}


def parsed(line: str) -> Drug:
    names, _, kinds = line.partition(":")
    name, *others = names.split()
    return Drug(name, frozenset((name, *others)), frozenset(kinds.split()))


@cache
def _pattern() -> "re2._Regexp[str]":
    return re2.compile(rf"(?i)\b(?:{'|'.join(sorted(by_name(), key=len, reverse=True))})\b")


def mentions(text: str) -> list[Mention]:
    """Return every drug's name in a text, in order."""
    known = by_name()
    return [
        Mention(known[found.group(0).lower()], found.start(), found.end())
        for found in _pattern().finditer(text)
    ]


@cache
def _trace_pattern() -> "re2._Regexp[str]":
    every: frozenset[str] = frozenset().union(*map(traces, by_name().values()))
    return re2.compile(rf"\b(?:{'|'.join(sorted(every, key=len, reverse=True))})")


@cache
def traces(drug: Drug) -> frozenset[str]:
    """Return the beginnings of words by which a document speaks of a drug: its names, perhaps
    misspelt after the first letters, and the words for its kind."""
    return frozenset(name[:STEM] for name in drug.names) | drug.kinds


def traces_in(text: str) -> frozenset[str]:
    """Return the traces of any drug in a text."""
    return frozenset(_trace_pattern().findall(text.lower()))


def is_spoken_of(drug: Drug, found: frozenset[str]) -> bool:
    """Return whether a document with these traces speaks of a drug."""
    return bool(traces(drug) & found)
