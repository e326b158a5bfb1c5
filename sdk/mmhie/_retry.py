"""Retries: which failed calls are sent again, and after how long."""

import random
import time
from collections.abc import Callable

from mmhie._errors import ConnectionFailedError, MMHIEError, ServiceTimeoutError
from mmhie._http import timed_out

Clock = Callable[[], float]

POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 10.0  # one that a restart swallows must not be the last
NOTHING_WAS_DONE = frozenset({429, 503})
# Between containers and proxies, a server that is not there yet accepts and says one of these.
NOT_THERE_YET = frozenset({502, 503, 504})
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 8.0
# A server with the same timeout answers first, with notices and a request id.
MARGIN = 0.08


class Deadline:
    """The time that all attempts of one call have together."""

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds * (1 + MARGIN)

    def remaining(self) -> float:
        """Return the seconds until the deadline, 0 when it has passed."""
        return max(0.0, self._end - self._clock())

    def check(self) -> None:
        """Raise ServiceTimeoutError where the time is over."""
        if self.remaining() <= 0:
            raise timed_out()


class Backoff(Deadline):
    """Retries of one call: exponential backoff with jitter, and Retry-After as the least."""

    def __init__(
        self,
        retries: int,
        seconds: float,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(seconds, clock)
        self._retries = retries
        self._jitter = jitter
        self._attempt = 0

    def delay_after(self, error: MMHIEError) -> float | None:
        """Return the delay of the next retry; None after the last, or past the deadline."""
        if not is_retryable(error) or self._attempt >= self._retries:
            return None
        delay = _delay(error, self._attempt, self._jitter())
        self._attempt += 1
        return delay if delay < self.remaining() else None


class Polling(Deadline):
    """Attempts once a second while a model is loading."""

    def remaining(self) -> float:
        """Return the seconds that the next attempt has."""
        return min(super().remaining(), LONGEST_POLL_SECONDS)

    def delay_after(self, error: MMHIEError) -> float | None:
        """Return the poll interval; None for an error that waiting does not mend."""
        is_early = isinstance(error, ConnectionFailedError | ServiceTimeoutError) or (
            error.status in NOT_THERE_YET and error.code != "held"
        )
        return POLL_SECONDS if is_early and self.remaining() > POLL_SECONDS else None


def is_retryable(error: MMHIEError) -> bool:
    """Return whether nothing was done for the request; waiting does not end a hold."""
    if error.code in ("unreachable", "held"):
        return error.code == "unreachable"
    return error.status in NOTHING_WAS_DONE


def _delay(error: MMHIEError, attempt: int, jitter: float) -> float:
    step = min(FIRST_DELAY_SECONDS * 2.0**attempt, MAX_DELAY_SECONDS)
    least = error.retry_after_seconds
    # jitter comes on top of Retry-After, or all who were refused together come back together
    return step * (0.5 + jitter / 2) if least is None else least + step * jitter / 2


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header; None if it is not a number."""
    return float(value) if value is not None and value.strip().isdecimal() else None
