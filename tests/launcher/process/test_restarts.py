"""Restarts get slower and end; a child that lasted begins anew."""

from __future__ import annotations

from launcher.process.restarts import LONGEST_PAUSE_S, RECOVERED_S, Backoff


def test_pauses_double_up_to_a_minute() -> None:
    """1, 2, 4 ... and never longer than the longest."""
    backoff, pauses = Backoff(limit=20), []
    for _ in range(9):
        backoff = backoff.after(lasted_s=1)
        pauses.append(backoff.pause_s)

    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_it_is_spent_after_the_limit() -> None:
    """A limit of 2 allows two restarts; a limit of 0 none."""
    two = Backoff(limit=2).after(1).after(1)

    assert not two.is_spent
    assert two.after(1).is_spent
    assert Backoff(limit=0).after(1).is_spent


def test_a_long_life_forgives() -> None:
    """What failed before a child that lasted does not count."""
    assert Backoff(limit=2, failures=2).after(RECOVERED_S) == Backoff(limit=2, failures=1)
