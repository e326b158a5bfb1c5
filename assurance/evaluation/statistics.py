"""Intervals and tests of an evaluation; each names its source.

| figure | method | source |
|---|---|---|
| share of right answers | Wilson score interval | Wilson 1927, JASA 22; Newcombe 1998 |
| the same of paraphrases | Wilson's, of as many items as there are questions | Kish 1965, ch. 5 |
| mean of fractional scores | percentile bootstrap | Efron and Tibshirani 1993, ch. 13 |
| two runs on the same items | McNemar's exact test | McNemar 1947, Psychometrika 12 |
| two raters of the same answers | Cohen's kappa | Cohen 1960, Educ Psychol Meas 20 |
| items to see a difference | normal approximation of McNemar's | Connor 1987, Biometrics 43 |
| several tests at once | Holm's step-down | Holm 1979, Scand J Stat 6 |
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Z: Final = 1.959963984540054  # two-sided 95 %
Z_POWER: Final = 0.8416212335729143  # 80 %
RESAMPLES: Final = 2000
LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between 0 and 1 with its 95 % interval, and how many items it stands on."""

    value: float
    low: float
    high: float
    n: int
    method: str

    def holds(self, value: float) -> bool:
        """Return whether a value is compatible with the estimate."""
        return self.low <= value <= self.high


def wilson(right: float, n: int) -> Interval | None:
    """Return the Wilson score interval of a share; None of nothing."""
    if n == 0:
        return None
    share, z2 = right / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return interval(share, max(0.0, middle - half), min(1.0, middle + half), n, "Wilson 95 %")


def bootstrap(values: Sequence[float]) -> Interval | None:
    """Return the mean with its percentile interval; the same values give the same interval."""
    if not values:
        return None
    chance = random.Random(len(values))  # noqa: S311  # repeatable on purpose
    n = len(values)
    means = sorted(sum(chance.choices(values, k=n)) / n for _ in range(RESAMPLES))
    low, high = means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]
    return interval(sum(values) / n, low, high, n, "bootstrap 95 %")


def interval(value: float, low: float, high: float, n: int, method: str) -> Interval:
    """Return an interval in four decimals: more say nothing of a few hundred items."""
    return Interval(round(value, 4), round(low, 4), round(high, 4), n, method)


def estimate(values: Sequence[float], families: Sequence[str] = ()) -> Interval | None:
    """Return the interval that fits: Wilson's for right and wrong, the bootstrap for fractions.

    Items of one family are wordings of one question, and no more than one item to an interval.
    """
    if any(families):
        values = family_means(values, families)
        return wilson(sum(values), len(values))
    if all(value in (0.0, 1.0) for value in values):
        return wilson(int(sum(values)), len(values))
    return bootstrap(values)


def family_means(values: Sequence[float], families: Sequence[str]) -> list[float]:
    """Return the mean of each family; an item without one is its own."""
    by_family: dict[str | int, list[float]] = {}
    for number, (value, family) in enumerate(zip(values, families, strict=True)):
        by_family.setdefault(family or number, []).append(value)
    return [sum(of) / len(of) for of in by_family.values()]


def detectable(discordant: int, n: int) -> float:
    """Return the smallest difference in right answers that n pairs show with a power of 80 %, when
    so many of them differ; at least one in n is taken to."""
    share = max(discordant, 1) / n
    return min(1.0, (Z + Z_POWER) * math.sqrt(share / n))


def kappa(first: Sequence[bool], second: Sequence[bool]) -> Interval | None:
    """Return Cohen's kappa of two raters, with its interval; 0 where one of them always says the
    same, and None of nothing."""
    if not (n := len(first)):
        return None
    equal = sum(a == b for a, b in zip(first, second, strict=True)) / n
    p, q = sum(first) / n, sum(second) / n
    chance = p * q + (1 - p) * (1 - q)
    if chance == 1:
        return interval(0.0, 0.0, 0.0, n, "Cohen's kappa")
    value = (equal - chance) / (1 - chance)
    half = Z * math.sqrt(equal * (1 - equal) / n) / (1 - chance)
    return interval(value, value - half, min(1.0, value + half), n, "Cohen's kappa, 95 %")


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p of items that one run alone had right."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0
    tail: int = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, tail / float(2 ** (n - 1)))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the p values adjusted for their number."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted, highest = {}, 0.0
    for place, name in enumerate(ordered):
        highest = max(highest, min(1.0, p_values[name] * (len(ordered) - place)))
        adjusted[name] = highest
    return adjusted


def apart(first: Interval, second: Interval) -> bool:
    """Return whether the first lies wholly below the second."""
    return first.high < second.low
