"""The account in Redis that docs/scale.md recommends: enough for everything, and no more."""

import re
from pathlib import Path

import pytest

from gateway.cluster import RedisUnavailable
from gateway.cluster.operator_state import (
    GATEWAYS_KEY,
    HOLD_KEY,
    REVOKED_KEY,
    OperatorState,
    phase_key,
    revoke_keys,
    set_hold,
)
from gateway.cluster.redis_limiter import RedisRateLimiter
from gateway.cluster.redis_store import RedisAddress, execute_once
from gateway.hold.hold import Hold
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.principal import Principal, PrincipalLimits
from tests.gateway.cluster.conftest import Running, StartRedis
from tests.waiting import eventually

PAGE = Path(__file__).parents[3] / "docs" / "scale.md"
WHO = Principal("a", "key", frozenset(), limits=PrincipalLimits(2, 100, 100))
HOLD = Hold(reason="x", by="ops", since="2026-11-25T08:00:00Z")


def account() -> list[str]:
    """The words after ACL SETUSER."""
    match = re.search(r"^ACL SETUSER (.+)$", PAGE.read_text(), re.MULTILINE)
    assert match is not None
    return match[1].split()


async def test_it_is_enough(start_redis: StartRedis, caplog: pytest.LogCaptureFixture) -> None:
    """Every command of a gateway and of an operator; what is lost is put back."""
    redis = start_redis("--user", *account())
    url = redis.url.replace("//", "//mmhie:PASSWORD@")
    made, operator = Running(url), OperatorState()
    made.store.heartbeats.append(operator.sync)
    limiter = RedisRateLimiter(made.store, LocalRateLimiter(), refuse=True, lease_s=0.3)
    async with made.running() as store:
        leave = await limiter.acquire(WHO)
        await execute_once(RedisAddress(url), 1.0, [set_hold(HOLD), *revoke_keys(["a"])])
        asked = [("SMEMBERS", GATEWAYS_KEY), ("PTTL", phase_key(operator.process))]
        await execute_once(RedisAddress(url), 1.0, [*asked, ("SREM", GATEWAYS_KEY, "another")])
        await execute_once(RedisAddress(url), 1.0, [operator.report_end()])
        await eventually(lambda: operator.hold == HOLD and "a" in operator.revoked)
        redis.ask("FLUSHALL")
        await eventually(lambda: redis.ask("EXISTS", HOLD_KEY, REVOKED_KEY) == "2")
        leave(tokens=5)
        (await limiter.acquire(WHO))(tokens=5)
        await limiter.acquire(WHO)
        redis.ask("CLIENT", "KILL", "TYPE", "normal")
        await eventually(lambda: "Redis cannot be reached" in caplog.text and store.is_up)
    assert "Redis cannot be reached" in caplog.text
    assert "does not permit" not in caplog.text
    assert "failed" not in caplog.text


@pytest.mark.parametrize("command", [("GET", "other"), ("CONFIG", "GET", "*")])
async def test_it_is_no_more(start_redis: StartRedis, command: tuple[str, ...]) -> None:
    """Another's data, or the server's own affairs."""
    redis = start_redis("--user", *account())
    address = RedisAddress(redis.url.replace("//", "//mmhie:PASSWORD@"))
    with pytest.raises(RedisUnavailable, match="does not permit this account"):
        await execute_once(address, 1.0, [command])
