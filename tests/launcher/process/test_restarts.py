"""Restarts get slower and end; a child that lasted begins anew."""

from __future__ import annotations

import pytest

from launcher.process.restarts import (
    LONGEST_PAUSE_S,
    RECOVERED_S,
    ChildSupervisor,
    Stop,
)
from tests.gateway.clock import Clock


class ShortLived(ChildSupervisor[str]):
    """One whose lives are told beforehand."""

    def __init__(self, *lives_s: float, restarts: int = 2) -> None:
        self.stop, self.time = Stop(0), Clock()
        self.pauses_s: list[float] = []
        self.stop.pause = self.note_pause  # type: ignore[method-assign]
        super().__init__(restarts, stop=self.stop, clock=self.time)
        self.lives_s = iter(lives_s)
        self.endings: list[tuple[str, int]] = []

    async def note_pause(self, seconds: float) -> None:
        """Restart at once."""
        self.pauses_s.append(seconds)

    async def _run_once(self) -> str:
        self.time.now += next(self.lives_s)
        return f"ended at {self.time.now:.0f}"

    async def _handle_end(self, ending: str) -> None:
        self.endings.append((ending, self._failures))
        if self._is_spent:
            raise ValueError(ending)


async def test_it_runs_again_until_the_ending_is_too_much() -> None:
    """Each ending counts the failures in a row; a long life starts them anew."""
    child = ShortLived(1.0, RECOVERED_S, 1.0, 1.0)
    with pytest.raises(ValueError, match="ended at 603"):
        await child.run()

    failures = {"ended at 1": 1, "ended at 601": 1, "ended at 602": 2, "ended at 603": 3}
    assert child.endings == list(failures.items())


async def test_pauses_double_up_to_a_minute() -> None:
    """1, 2, 4 ... and never longer than the longest, however many there are."""
    child = ShortLived(*[1.0] * 2000, restarts=1999)
    with pytest.raises(ValueError, match="ended at 2000"):
        await child.run()

    assert child.pauses_s[:8] == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert set(child.pauses_s[8:]) == {LONGEST_PAUSE_S}
