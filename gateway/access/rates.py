"""Where the rate limiter counts: in this process, in the storage interface of `limits`.

The library's own memory storage starts a thread whenever it counts (measured: 0.3 ms of CPU each,
more than the rest of the gateway spends on a request). One event loop needs neither threads nor
locks. Redis for several processes is the library's own `storage_from_string`.
"""

import time
from collections.abc import Callable

from limits.storage.base import Storage

MOST_COUNTS = 10_000


class LocalStorage(Storage):
    """Counts with an end, on the monotonic clock: setting the wall clock back blocks nobody."""

    STORAGE_SCHEME = ["mmhie-local"]  # noqa: RUF012 - the library's own declaration

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a window that begins with the first count."""
        now = self._clock()
        count, end = self._counts.get(key, (0, 0.0))
        if end <= now:
            self._make_room(now)
            count, end = 0, now + expiry
        self._counts[key] = (count + amount, end)
        return count + amount

    def get(self, key: str) -> int:
        count, end = self._counts.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, by the wall clock as the library wants it."""
        _, end = self._counts.get(key, (0, self._clock()))
        return time.time() + end - self._clock()

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._counts)
        self._counts.clear()
        return count

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def _make_room(self, now: float) -> None:
        """Drop windows that are over, once there are many."""
        if len(self._counts) >= MOST_COUNTS:
            live = {key: one for key, one in self._counts.items() if one[1] > now}
            self._counts = live
