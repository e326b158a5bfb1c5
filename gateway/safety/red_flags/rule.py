"""One red-flag rule, read from a file of `rules/`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from gateway.safety.red_flags.patterns import Expand, Sign, alternatives, read


class SignPattern:
    """A pattern of `re`, compiled when it is first searched for.

    The prefilter needs only its source, and all of them take a sixth of the time of a start: a
    gateway compiles them beside its first requests.
    """

    def __init__(self, source: str) -> None:
        self.pattern = source

    def search(self, text: str) -> re.Match[str] | None:
        return self._compiled.search(text)

    def compile(self) -> None:
        """Compile the pattern now."""
        _ = self._compiled

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self._compiled.finditer(text)

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


Pair = tuple[SignPattern, SignPattern]


@dataclass(frozen=True, slots=True)
class Signs:
    """One language's patterns of a rule, over lower-case text.

    `strong`: indicates an emergency by itself.
    `weak`: does so only in a sentence about a person (a case, not a subject).
    `together`: pairs of signs that indicate an emergency within a few sentences.
    """

    strong: SignPattern | None
    weak: SignPattern | None
    together: tuple[Pair, ...]

    def patterns(self) -> Iterator[SignPattern]:
        """Return every pattern."""
        yield from filter(None, (self.strong, self.weak))
        yield from chain.from_iterable(self.together)


@dataclass(frozen=True, slots=True)
class Rule:
    """A red flag: its id, its signs by language; its words are in the wording files."""

    id: str
    signs: Mapping[str, Signs]


def read_rule(path: Path) -> Rule:
    """Read `id`, `[words]`, and a table of signs for each language."""
    table, expand = read(path)
    return Rule(table.pop("id"), signs={name: _signs(one, expand) for name, one in table.items()})


def _signs(table: Mapping[str, Any], expand: Expand) -> Signs:
    return Signs(
        strong=_one_of(table["strong"], expand) if "strong" in table else None,
        weak=_one_of(table["weak"], expand) if "weak" in table else None,
        together=tuple(
            (_one_of([left], expand), _one_of([right], expand))
            for left, right in table.get("together", ())
        ),
    )


def _one_of(signs: Sequence[Sign], expand: Expand) -> SignPattern:
    """Join signs into one pattern, at word boundaries."""
    return SignPattern(rf"\b(?:{alternatives(signs, expand)})\b")
