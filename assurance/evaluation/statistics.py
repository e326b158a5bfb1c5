"""Estimates and tests, each with its source.

| quantity | method | source |
|---|---|---|
| share of right answers | Wilson's score interval | Newcombe 1998, Stat Med 17, method 3 |
| mean of fractional scores | Wilson's | an upper bound: their variance is smaller |
| wordings of one question | Wilson's, of as many items as questions | Kish 1965, ch. 5 |
| two runs on the same items | McNemar's exact test | McNemar 1947, Psychometrika 12 |
| several tests at once | Bonferroni's factor | Dunn 1961, JASA 56 |
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

Z: Final = 1.959963984540054  # two-sided 95 %
LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between 0 and 1 with its 95 % interval, and the number of items behind it."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.0%} ({self.low:.0%} to {self.high:.0%})"

    def covers(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(right: float, n: int) -> Interval | None:
    """Return the Wilson score interval of a share; None without items."""
    if n == 0:
        return None
    share, z2 = right / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(round(share, 4), round(low, 4), round(high, 4), n)


def estimate(values: Sequence[float], families: Sequence[str]) -> Interval | None:
    """Return the mean with its interval; the wordings of a question count as one item."""
    by_family: dict[str | int, list[float]] = {}
    for number, (value, family) in enumerate(zip(values, families, strict=True)):
        by_family.setdefault(family or number, []).append(value)
    return wilson(sum(map(fmean, by_family.values())), len(by_family))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p of items that one run alone had right."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0
    tail: int = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, tail / float(2 ** (n - 1)))
