"""Time limits of a call, and which failed calls are sent again after how long."""

import random
import time

from mmhie._errors import MMHIEError

LEAST_SECONDS = 0.001  # 0 would make the socket non-blocking
# A server with the same timeout answers first, with notices and a request id.
MARGIN = 1.08


class Deadline:
    """The time that all attempts of one call have together."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds * MARGIN

    def remaining(self) -> float:
        """Return the seconds until the deadline."""
        return max(LEAST_SECONDS, self._end - time.monotonic())


def retry_delay(error: MMHIEError, attempt: int) -> float | None:
    """Return the seconds to wait before the next attempt; None if it must not be repeated.

    Only what no server has begun is sent again. Jitter comes on top of Retry-After, or all who
    were refused together come back together.
    """
    was_refused = error.status in (429, 503) and error.code != "held"
    if not was_refused and error.code != "unreachable":
        return None
    jitter = random.uniform(0.25, 0.5)  # noqa: S311 # no secret
    return (error.retry_after_seconds or 0) + jitter * 2.0**attempt


def may_become_ready(error: MMHIEError) -> bool:
    """Return whether waiting may help: not with a hold, a wrong address or a missing key."""
    return error.code != "held" and (error.status is None or error.status >= 500)
