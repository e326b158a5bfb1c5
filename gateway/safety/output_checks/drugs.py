"""Drugs by the names in drugs.txt, and whether a document speaks of one."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from gateway.safety.output_checks.words import LETTERS, places, words_of

LIST = Path(__file__).with_name("drugs.txt")
HEAD = 3  # letters of the shortest trace
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


def mentions(text: str) -> list[Mention]:
    """Return every drug's name in a text, in order; of one within another, the longer."""
    lowered, known = text.lower(), by_name()
    spans = [place for name in names_in(lowered) for place in places(lowered, name)]
    ordered = sorted(spans, key=lambda place: (place[0], -place[1]))
    ends = accumulate((end for _, end in ordered), max, initial=0)
    return [
        Mention(known[lowered[start:end]], start, end)
        for (start, end), last in zip(ordered, ends, strict=False)
        if start >= last
    ]


def names_in(lowered: str) -> frozenset[str]:
    """Return the drugs' names among the words of a text, and those of two words with a hyphen."""
    names, hyphened = every_name()
    return (names & words_of(lowered)).union(name for name in hyphened if name in lowered)


@cache
def every_name() -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the names of all drugs, and those among them that have a hyphen."""
    return frozenset(by_name()), tuple(name for name in by_name() if "-" in name)


@cache
def traces(drug: Drug) -> frozenset[str]:
    """Return the beginnings of words by which a document speaks of a drug: its names, perhaps
    misspelt after the first letters, and the words for its kind."""
    return frozenset(name[:STEM] for name in drug.names) | drug.kinds


@cache
def every_trace() -> tuple[Mapping[str, Sequence[str]], Sequence[str]]:
    """Return the traces of all drugs by their first letters, and those of more than a word."""
    every: frozenset[str] = frozenset().union(*map(traces, by_name().values()))
    by_head: defaultdict[str, list[str]] = defaultdict(list)
    for trace in sorted(every):
        by_head[trace[:HEAD]].append(trace)
    return dict(by_head), [trace for trace in every if "-" in trace]


def traces_in(text: str) -> frozenset[str]:
    """Return the traces of any drug in a text: of "penicillin" both the drug and the kind."""
    lowered, (every, hyphened) = text.lower(), every_trace()
    traces = {trace for trace in hyphened if begins(lowered, trace)}
    for trace in traces:  # its second half is no word of its own
        lowered = re.sub(rf"(?a)\b{re.escape(trace)}", "_", lowered)
    likely = ((word, every[word[:HEAD]]) for word in words_of(lowered) if word[:HEAD] in every)
    traces.update(trace for word, some in likely for trace in some if word.startswith(trace))
    return frozenset(traces)


def begins(lowered: str, trace: str) -> bool:
    """Return whether a word of a text begins like this."""
    start = lowered.find(trace)
    while start > 0 and lowered[start - 1] in LETTERS:
        start = lowered.find(trace, start + 1)
    return start >= 0


def is_spoken_of(drug: Drug, found: frozenset[str]) -> bool:
    """Return whether a document with these traces speaks of a drug."""
    return bool(traces(drug) & found)
