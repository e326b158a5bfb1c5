"""Timestamps as the log, the audit trail and provenance write them."""

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(unix_s: float) -> str:
    """Format a time as RFC 3339 in UTC, to the millisecond."""
    second, microsecond = divmod(round(unix_s * 1e6), 1_000_000)
    return f"{_to_the_second(second)}.{microsecond // 1000:03d}Z"


@lru_cache(maxsize=8)
def _to_the_second(unix_s: int) -> str:
    """Cached: the lines of one second begin alike."""
    return datetime.fromtimestamp(unix_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
