"""Intervals and tests against published and exactly computed values."""

from __future__ import annotations

import itertools

import pytest

from assurance.evaluation import statistics

# Newcombe 1998, table I, method 3; 0 and n of n are exact in the formula.
PUBLISHED = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
    (20, 20, 0.8389, 1.0),
]


@pytest.mark.parametrize(("right", "n", "low", "high"), PUBLISHED)
def test_wilsons_interval_is_the_published_one(right: int, n: int, low: float, high: float) -> None:
    """The interval agrees to the fourth decimal."""
    interval = statistics.wilson(right, n)

    assert interval is not None
    assert interval.low == pytest.approx(low, abs=1e-4)
    assert interval.high == pytest.approx(high, abs=1e-4)
    assert interval.n == n


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (5, 2), (3, 3)])
def test_mcnemars_p_is_what_counting_gives(first: int, second: int) -> None:
    """Every way the discordant items could have fallen, the more extreme ones among them."""
    n = first + second
    ways = [sum(outcomes) for outcomes in itertools.product((0, 1), repeat=n)]
    extreme = [way for way in ways if abs(way - n / 2) >= abs(first - n / 2)]

    assert statistics.mcnemar(first, second) == pytest.approx(len(extreme) / len(ways))


def test_wordings_of_a_question_are_one_item() -> None:
    """Thirty answers to ten questions have the interval of ten; no answer has none."""
    families = [f"f{number // 3}" for number in range(30)]
    interval = statistics.estimate([float(number < 9) for number in range(30)], families)

    assert interval == statistics.wilson(3, 10)
    assert str(interval) == "30% (11% to 60%)"
    assert statistics.estimate([], []) is None
