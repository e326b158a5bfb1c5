"""How long to wait before a restart, and when to stop restarting."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_PAUSE_S = 60.0
# A child that lasted this long had recovered: what failed before no longer counts.
RECOVERED_S = 600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failures in a row, and how many are allowed."""

    limit: int
    failures: int = 0

    def after(self, lasted_s: float) -> Backoff:
        """One more failure, of a child that lasted this long."""
        return Backoff(self.limit, 1 if lasted_s >= RECOVERED_S else self.failures + 1)

    @property
    def is_spent(self) -> bool:
        return self.failures > self.limit

    @property
    def pause_s(self) -> float:
        """1, 2, 4 ... seconds."""
        return min(LONGEST_PAUSE_S, 2.0 ** max(0, self.failures - 1))
