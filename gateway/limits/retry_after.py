"""How long those who find no place should stay away: from how fast places came free of late."""

import math
from collections.abc import Callable
from time import monotonic

NEWEST_SHARE = 0.2
LONGEST_WAIT_S = 60  # what was true a minute ago says little


class RetryAfterEstimator:
    """Seconds between two places coming free, smoothed, noted while all of them are taken: gaps
    when nobody was waiting say nothing."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: float | None = None
        self._between_s: float | None = None

    def came_free(self) -> None:
        """A place came free while all were taken."""
        now = self._clock()
        if self._last is not None:
            gap = now - self._last
            known = gap if self._between_s is None else self._between_s
            self._between_s = known + NEWEST_SHARE * (gap - known)
        self._last = now

    def rest(self) -> None:
        """Not all are taken any more."""
        self._last = None

    def wait_s(self, places: int) -> int:
        """Whole seconds until that many more have come free; 1 to a minute, 1 when nobody knows."""
        expected = places * (self._between_s or 0)
        return min(LONGEST_WAIT_S, max(1, math.ceil(expected)))
