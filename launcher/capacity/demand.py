"""The load on the service and its targets: requests a second, tokens, latency, spare engines."""

from dataclasses import dataclass
from typing import Final

from launcher.errors import PlanError

QUESTIONS_AN_HOUR: Final = 12.0
PEAK: Final = 2.0  # the busiest minutes over the mean of a working hour


@dataclass(frozen=True, slots=True)
class Demand:
    """The load at its peak and what must hold under it.

    `rate` is requests a second; `inter_token_s` the longest mean time between two tokens;
    `utilization` the share of an engine's limit planned with; `spare` engines that may be away.
    """

    rate: float
    tokens_in: int
    tokens_out: int
    inter_token_s: float
    utilization: float
    spare: int

    @property
    def tokens(self) -> int:
        """A whole request."""
        return self.tokens_in + self.tokens_out

    @property
    def chunks(self) -> float:
        """Chunks of streams a second: one for each token."""
        return self.rate * self.tokens_out


@dataclass(frozen=True, slots=True)
class Users:
    """Users at work, what each asks in an hour, and the peak over that mean."""

    users: float
    questions_an_hour: float = QUESTIONS_AN_HOUR
    peak: float = PEAK

    @property
    def rate(self) -> float:
        """Requests a second in the busiest minutes."""
        return self.users * self.questions_an_hour / 3600 * self.peak


def peak_rate(rate: float | None, users: Users | None) -> float:
    """The greater of the two where both are given; PlanError where neither is."""
    rates = [each for each in (rate, users.rate if users else None) if each is not None]
    if not rates:
        raise PlanError(
            "The load is missing: give --rps, requests a second, or --users, people at work."
        )
    return max(rates)
