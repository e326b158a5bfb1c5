"""A worker's share of a limit of the whole gateway."""

from gateway.principal import PrincipalLimits


def worker_share(limit: int, workers: int) -> int:
    """Return an equal share, rounded down, but at least 1 of any limit that admits something."""
    return max(min(limit, 1), limit // workers)


def shared_limits(limits: PrincipalLimits, workers: int) -> PrincipalLimits:
    """Return a worker's share of the limits of a principal."""
    given = (limits.concurrency, limits.requests_per_minute, limits.tokens_per_minute)
    return PrincipalLimits(*(limit and worker_share(limit, workers) for limit in given))
