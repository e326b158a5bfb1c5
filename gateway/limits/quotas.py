"""Where the counts are kept that bound what is asked for: clients' limits, places at the engine."""

from dataclasses import dataclass

from gateway.limits.admission import Admission, AdmissionQueue
from gateway.limits.rate_limiter import LocalRateLimiter, RateLimiter
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Quotas:
    """One truth for everybody who draws on it."""

    limiter: RateLimiter
    places: AdmissionQueue


def admission_of(settings: GatewaySettings) -> Admission:
    return Admission(
        places=settings.max_inflight,
        queue=settings.max_queue,
        patience_s=settings.queue_timeout_seconds,
    )


def own(settings: GatewaySettings) -> Quotas:
    """The counts of a gateway that is one process."""
    return Quotas(LocalRateLimiter(), admission_of(settings))
