"""Where the counts are kept that bound what is asked for: clients' limits, places at the engine."""

from dataclasses import dataclass

from gateway.limits.admission import Admission, Places
from gateway.limits.rate_limiter import Limiter, Limiting
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Counts:
    """One truth for everybody who draws on it."""

    limiter: Limiting
    places: Places


def admission_of(settings: GatewaySettings) -> Admission:
    return Admission(
        places=settings.max_inflight,
        queue=settings.max_queue,
        patience_s=settings.queue_timeout_seconds,
    )


def own(settings: GatewaySettings) -> Counts:
    """The counts of a gateway that is one process."""
    return Counts(Limiter(), admission_of(settings))
