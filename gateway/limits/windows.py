"""What was used within a minute, by client and kind: fixed windows, in this process.

The parent of several workers counts for all of them, so no store outside the process is needed.
"""

import time
from collections.abc import Callable

MINUTE_S = 60
MOST_COUNTS = 10_000

Used = tuple[str, str]  # whose, and what


class Windows:
    """Counts, each within a minute that begins with its first; on the monotonic clock, so that
    setting the wall clock back blocks nobody."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[Used, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, used: Used, amount: int = 1) -> None:
        """Count, in a window that begins now when none is open."""
        now = self._clock()
        count, end = self._counts.get(used, (0, 0.0))
        if end <= now:
            self._make_room(now)
            count, end = 0, now + MINUTE_S
        self._counts[used] = (count + amount, end)

    def count(self, used: Used) -> int:
        """What was counted in the window that is open."""
        count, end = self._counts.get(used, (0, 0.0))
        return count if end > self._clock() else 0

    def left_s(self, used: Used) -> float:
        """Seconds until the window ends."""
        now = self._clock()
        return self._counts.get(used, (0, now))[1] - now

    def _make_room(self, now: float) -> None:
        """Drop windows that are over, once there are many."""
        if len(self._counts) >= MOST_COUNTS:
            live = {used: one for used, one in self._counts.items() if one[1] > now}
            self._counts = live
