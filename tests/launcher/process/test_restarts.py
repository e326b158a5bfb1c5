"""Restarts get slower and end; a child that lasted begins anew."""

from __future__ import annotations

import pytest

from launcher.process.restarts import (
    LONGEST_PAUSE_S,
    RECOVERED_S,
    ChildSupervisor,
    RestartBackoff,
    Stop,
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


class ShortLived(ChildSupervisor[str]):
    """One whose lives are told beforehand."""

    def __init__(self, *lives_s: float) -> None:
        self.stop, self.time = Stop(0), Clock()
        self.stop.pause = no_pause  # type: ignore[method-assign]
        super().__init__(restarts=2, stop=self.stop, clock=self.time)
        self.lives_s = iter(lives_s)
        self.endings: list[tuple[str, int]] = []

    async def _run_once(self) -> str:
        self.time.now += next(self.lives_s)
        return f"ended at {self.time.now:.0f}"

    async def _handle_end(self, ending: str) -> None:
        self.endings.append((ending, self._backoff.failures))
        if self._backoff.is_spent:
            raise ValueError(ending)


async def test_it_runs_again_until_the_ending_is_too_much() -> None:
    """Each ending counts the failures in a row; a long life starts them anew."""
    child = ShortLived(1.0, RECOVERED_S, 1.0, 1.0)
    with pytest.raises(ValueError, match="ended at 603"):
        await child.run()

    failures = {"ended at 1": 1, "ended at 601": 1, "ended at 602": 2, "ended at 603": 3}
    assert child.endings == list(failures.items())


async def no_pause(seconds: float) -> None:
    """Restart at once."""
