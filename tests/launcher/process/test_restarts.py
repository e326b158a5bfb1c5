"""Restarts get slower and end; a child that lasted begins anew."""

from __future__ import annotations

import pytest

from launcher.process.restarts import (
    LONGEST_PAUSE_S,
    RECOVERED_S,
    RestartBackoff,
    Stop,
    keep_running,
)
from tests.gateway.clock import Clock


def test_pauses_double_up_to_a_minute() -> None:
    """1, 2, 4 ... and never longer than the longest. A limit of 2 allows two restarts."""
    backoff, pauses = RestartBackoff(limit=2), []
    for _ in range(8):
        backoff = backoff.after(lasted_s=1)
        pauses.append((backoff.pause_s, backoff.is_spent))

    assert [pause for pause, _ in pauses] == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert [is_spent for _, is_spent in pauses] == [False, False, *[True] * 6]


async def test_it_runs_again_until_the_ending_is_too_much() -> None:
    """Each ending is handed on with the failures in a row; a long life starts them anew."""
    lives, clock = iter([1.0, RECOVERED_S, 1.0, 1.0]), Clock()
    endings: list[tuple[str, int]] = []
    stop = Stop(0)

    async def run_once() -> str:
        clock.now += next(lives)
        return f"ended at {clock.now:.0f}"

    async def ended(ending: str, backoff: RestartBackoff) -> None:
        endings.append((ending, backoff.failures))
        if backoff.is_spent:
            raise ValueError(ending)

    stop.pause = no_pause  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="ended at 603"):
        await keep_running(run_once, ended, limit=2, stop=stop, clock=clock)

    failures = {"ended at 1": 1, "ended at 601": 1, "ended at 602": 2, "ended at 603": 3}
    assert endings == list(failures.items())


async def no_pause(seconds: float) -> None:
    """Restart at once."""
