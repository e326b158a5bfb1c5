"""The format of times in records."""

import pytest

from gateway.record import rfc3339


@pytest.mark.parametrize(
    ("unix_s", "words"),
    [
        (0.25, "1970-01-01T00:00:00.250Z"),
        (1700000000.123, "2023-11-14T22:13:20.123Z"),
        (1700000000.9999999, "2023-11-14T22:13:21.000Z"),
        (1700000000, "2023-11-14T22:13:20.000Z"),
    ],
)
def test_time_is_rfc_3339_in_utc(unix_s: float, words: str) -> None:
    """Zone Z and milliseconds, whatever the machine's zone."""
    assert rfc3339(unix_s) == words
