"""The quotas that requests draw on: clients' rate limits and slots at the engine."""

from dataclasses import dataclass

from gateway.limits.admission import AdmissionQueue, LocalAdmissionQueue
from gateway.limits.rate_limiter import LocalRateLimiter, RateLimiter
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Quotas:
    """One truth for everybody who draws on it."""

    limiter: RateLimiter
    admission: AdmissionQueue


def local_admission_queue(settings: GatewaySettings) -> LocalAdmissionQueue:
    return LocalAdmissionQueue(
        max_inflight=settings.max_inflight,
        max_queue=settings.max_queue,
        timeout_s=settings.queue_timeout_seconds,
    )


def local_quotas(settings: GatewaySettings) -> Quotas:
    """Return the quotas of a gateway that is one process."""
    return Quotas(LocalRateLimiter(), local_admission_queue(settings))
