"""Orders to all gateways from outside of one: what `mmhie` says to Redis. Does nothing without."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.cluster.state import address_of
from gateway.safety.hold import Hold
from gateway.settings import GatewaySettings

PATIENCE_S = 5.0


class NotOrdered(Exception):
    """Redis did not take an order; the message ends a sentence that begins with its name."""


def hold(settings: GatewaySettings, noted: Hold | None) -> Hold | None:
    """Put a hold in force, or end it with None; the one that was in force. Raises NotOrdered."""
    if settings.redis_url is None:
        return None
    from gateway.cluster.operator_state import Keys, hold_before

    (before,) = send(settings, [Keys(settings.redis_prefix).order(noted)])
    return hold_before(before)


def revoke(settings: GatewaySettings, digests: Sequence[str]) -> None:
    """Revoke keys by their SHA-256; raises NotOrdered."""
    if settings.redis_url is None or not digests:
        return
    from gateway.cluster.operator_state import Keys

    send(settings, Keys(settings.redis_prefix).revoke(digests))


def revoked(settings: GatewaySettings) -> frozenset[str]:
    """The SHA-256 of every key that was revoked for all gateways; raises NotOrdered."""
    if settings.redis_url is None:
        return frozenset()
    from gateway.cluster.operator_state import Keys

    (members,) = send(settings, [("SMEMBERS", Keys(settings.redis_prefix).revoked)])
    return frozenset(one.decode() for one in members)


def send(settings: GatewaySettings, commands: Sequence[Any]) -> list[Any]:
    from gateway.cluster.redis_store import RedisUnavailable, send_once

    try:
        return asyncio.run(send_once(address_of(settings), commands, PATIENCE_S))
    except RedisUnavailable as lost:
        raise NotOrdered(str(lost)) from None
