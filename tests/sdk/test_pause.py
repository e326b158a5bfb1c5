"""When a failed call is tried again."""

import pytest
from mmhie._errors import (
    ConnectionFailedError,
    EngineTimeoutError,
    EngineUnavailableError,
    HeldError,
    MMHIEError,
    TooBusyError,
)
from mmhie._pause import Patience, seconds_of_retry_after

BUSY = TooBusyError("Busy.")


def patience(retries: int = 5, seconds: float = 100.0, jitter: float = 1.0) -> Patience:
    return Patience(retries, seconds, clock=lambda: 0.0, jitter=lambda: jitter)


def test_pauses_double_up_to_a_limit() -> None:
    """0.5, 1, 2, 4, 8, 8 seconds at most."""
    waiting = patience(retries=6)

    assert [waiting.pause_after(BUSY) for _ in range(7)] == [0.5, 1, 2, 4, 8, 8, None]


def test_jitter_takes_up_to_half_off() -> None:
    """Clients refused together do not come back together."""
    assert patience(jitter=0.0).pause_after(BUSY) == 0.25


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_retry_after_is_never_undercut(jitter: float) -> None:
    """The server's own wish is the least wait."""
    error = EngineUnavailableError("Loading.", retry_after_seconds=3)

    pause = patience(jitter=jitter).pause_after(error)

    assert pause is not None
    assert 3 <= pause <= 3.5


def test_a_pause_past_the_deadline_is_not_begun() -> None:
    """Waiting longer than the call may take would only delay the news."""
    error = TooBusyError("Busy.", retry_after_seconds=60)

    assert patience(seconds=45).pause_after(error) is None


@pytest.mark.parametrize(
    "error", [EngineTimeoutError("Slow."), HeldError("Held."), MMHIEError("Other.")]
)
def test_other_errors_are_not_retried(error: MMHIEError) -> None:
    """The work may have been done, or waiting will not help."""
    assert patience().pause_after(error) is None


def test_a_refused_connection_is_retried() -> None:
    """Nothing was sent, so nothing is done twice."""
    assert patience().pause_after(ConnectionFailedError("Refused.")) == 0.5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110; anything else says nothing."""
    assert seconds_of_retry_after(value, now=lambda: 40.0) == seconds
