"""Failed calls that are sent again, and after how long."""

import pytest
from mmhie import BusyError, UnavailableError
from mmhie._retry import Backoff, parse_retry_after

BUSY = BusyError("Busy.", status=429)


def backoff(retries: int = 5, seconds: float = 100.0, jitter: float = 1.0) -> Backoff:
    return Backoff(retries, seconds, clock=lambda: 0.0, jitter=lambda: jitter)


def test_delays_double_up_to_a_limit() -> None:
    """0.5, 1, 2, 4, 8, 8 seconds at most."""
    waiting = backoff(retries=6)

    assert [waiting.delay_after(BUSY) for _ in range(7)] == [0.5, 1, 2, 4, 8, 8, None]


def test_jitter_takes_up_to_half_off() -> None:
    """Clients refused together do not come back together."""
    assert backoff(jitter=0.0).delay_after(BUSY) == 0.25


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_retry_after_is_never_undercut(jitter: float) -> None:
    """The server's own wish is the least wait."""
    error = UnavailableError("Loading.", status=503, retry_after_seconds=3)

    delay = backoff(jitter=jitter).delay_after(error)

    assert delay is not None
    assert 3 <= delay <= 3.5


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("3", 3.0), ("soon", None), ("-1", None), ("", None)]
)
def test_retry_after_is_a_number(value: str | None, seconds: float | None) -> None:
    """Anything but a number says nothing."""
    assert parse_retry_after(value) == seconds
