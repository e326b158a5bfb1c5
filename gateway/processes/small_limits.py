"""Limits that are smaller than the number of workers, of which each admits at least one."""

from dataclasses import astuple

from gateway.auth import keys
from gateway.settings.gateway import GatewaySettings


def small_limits(settings: GatewaySettings) -> list[str]:
    """Name the limits that workers together exceed; with a Redis, those of clients are exact."""
    limits = {"MMHIE_MAX_INFLIGHT": settings.max_inflight, "MMHIE_MAX_QUEUE": settings.max_queue}
    if settings.redis_url is None:
        limits |= limits_of_clients(settings)
    return [name for name, limit in limits.items() if 0 < limit < settings.workers]


def limits_of_clients(settings: GatewaySettings) -> dict[str, int]:
    """Return the limits of all clients and the smallest one of each key, 0 for none."""
    by_key = keys.principals(settings.keys_file).values() if settings.keys_file else ()
    return {
        "MMHIE_CLIENT_CONCURRENCY": settings.client_concurrency or 0,
        "MMHIE_CLIENT_REQUESTS_PER_MINUTE": settings.client_requests_per_minute or 0,
        "MMHIE_CLIENT_TOKENS_PER_MINUTE": settings.client_tokens_per_minute or 0,
        **{
            f"the key {key.name}": min(filter(None, astuple(key.limits)), default=0)
            for key in by_key
        },
    }
