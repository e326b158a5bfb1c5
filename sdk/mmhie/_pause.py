"""Whether a failed call is tried again, and after how long."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mmhie._errors import (
    ConnectionFailedError,
    DrainingError,
    EngineUnavailableError,
    GatewayError,
    MMHIEError,
)

LOOK_SECONDS = 1.0  # between two looks at a model that is loading
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0


@dataclass(slots=True)
class Patience:
    """One call's retries and its deadline, which holds for all its attempts together."""

    retries: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    _started: float = field(init=False)
    _attempt: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def left(self) -> float:
        """Seconds until the deadline, 0 when it has passed."""
        return max(0.0, self._started + self.seconds - self.clock())

    def pause_after(self, error: MMHIEError) -> float | None:
        """Seconds to wait before the next attempt; None: give up and raise `error`."""
        if not error.retryable or self._attempt >= self.retries:
            return None
        pause = _pause(error, self._attempt, self.jitter())
        self._attempt += 1
        return pause if pause < self.left() else None


def is_worth_waiting(error: MMHIEError) -> bool:
    """Whether a server that cannot answer now may do so after a while, without anybody's help."""
    return isinstance(error, ConnectionFailedError | EngineUnavailableError | DrainingError)


def _pause(error: MMHIEError, attempt: int, jitter: float) -> float:
    """Half to all of the doubled step, and never less than the server asked for."""
    step = min(FIRST_PAUSE_SECONDS * 2.0**attempt, LONGEST_PAUSE_SECONDS)
    asked = error.retry_after_seconds if isinstance(error, GatewayError) else None
    # jitter comes on top of Retry-After, or all who were refused together come back together
    return step * (0.5 + jitter / 2) if asked is None else asked + step * jitter / 2


def seconds_of_retry_after(value: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds of a Retry-After header, a number or an HTTP date; None where it says nothing."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    return _seconds_until(value, now())


def _seconds_until(date: str, now: float) -> float | None:
    from email.utils import parsedate_to_datetime  # lazily: email is slow to import

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except ValueError:
        return None
