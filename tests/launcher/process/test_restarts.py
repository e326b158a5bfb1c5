"""Restarts get slower and end; a child that lasted begins anew."""

from __future__ import annotations

import asyncio

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
    """1, 2, 4 ... and never longer than the longest."""
    backoff, pauses = RestartBackoff(limit=20), []
    for _ in range(9):
        backoff = backoff.after(lasted_s=1)
        pauses.append(backoff.pause_s)

    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_it_is_spent_after_the_limit() -> None:
    """A limit of 2 allows two restarts; a limit of 0 none. Failures before a child that lasted do
    not count."""
    two = RestartBackoff(limit=2).after(1).after(1)

    assert not two.is_spent
    assert two.after(1).is_spent
    assert RestartBackoff(limit=0).after(1).is_spent
    assert two.after(RECOVERED_S) == RestartBackoff(limit=2, failures=1)


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


async def test_a_requested_stop_ends_it() -> None:
    """An ending after the request is nobody's failure."""
    stop = Stop(0)

    async def run_once() -> None:
        stop.request(0)

    async def ended(ending: None, backoff: RestartBackoff) -> None:
        raise AssertionError

    await keep_running(run_once, ended, limit=0, stop=stop)
    await keep_running(run_once, ended, limit=0, stop=stop)


async def test_a_race_with_a_stop() -> None:
    """The work's result, or its error, or None and the work is cancelled."""
    stop, cancelled = Stop(0), asyncio.Event()

    async def fails() -> int:
        raise ValueError("no")

    async def works() -> int:
        return 7

    async def never_ends() -> int:
        try:
            return await asyncio.Event().wait() and 0
        finally:
            cancelled.set()

    assert await stop.race(works()) == 7
    with pytest.raises(ValueError, match="no"):
        await stop.race(fails())
    racing = asyncio.create_task(stop.race(never_ends()))
    await asyncio.sleep(0)
    stop.request(0)
    assert await racing is None
    assert cancelled.is_set()
