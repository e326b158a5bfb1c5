"""Limits that several gateways count together: each test has two limiters, as of two gateways."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import pytest

from gateway.cluster.redis_limiter import RedisRateLimiter
from gateway.errors import TooBusy
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.principal import Principal, PrincipalLimits
from tests.gateway.cluster.conftest import BEAT_S, Running, StartRedis
from tests.gateway.cluster.server import RedisServer
from tests.waiting import eventually

LEASE_S = 3600.0  # no test waits for the end of one


def principal(name: str = "a", **limits: int) -> Principal:
    return Principal(name, "key", frozenset(), limits=PrincipalLimits(**limits))


@contextlib.asynccontextmanager
async def limiter_at(
    url: str, *, refuse: bool = False, timeout_s: float = 60.0, lease_s: float = LEASE_S
) -> AsyncIterator[RedisRateLimiter]:
    """The limiter of one gateway."""
    made = Running(url, timeout_s)
    limiter = RedisRateLimiter(made.store, LocalRateLimiter(), refuse=refuse, lease_s=lease_s)
    async with made.running():
        yield limiter


@contextlib.asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[RedisRateLimiter, RedisRateLimiter]]:
    async with limiter_at(url) as first, limiter_at(url) as second:
        yield first, second


async def refused(limiter: RedisRateLimiter, who: Principal, tokens: int = 0) -> TooBusy:
    with pytest.raises(TooBusy) as refusal:
        await limiter.acquire(who, tokens)
    return refusal.value


def pass_a_lease(redis: RedisServer, *living: RedisRateLimiter) -> None:
    """As if the time of a lease had passed: all have ended, and the living renew theirs."""
    for key in redis.ask("KEYS", "mmhie:open:*").split():
        for lease in redis.ask("ZRANGE", key, "0", "-1").split():
            redis.ask("ZADD", key, "1", lease)
    for limiter in living:
        limiter._renew_at = 0.0


def renewed(redis: RedisServer) -> list[str]:
    """The leases that have not ended."""
    keys = redis.ask("KEYS", "mmhie:open:*").split()
    return [lease for key in keys for lease in redis.ask("ZRANGEBYSCORE", key, "2", "inf").split()]


async def test_open_requests(redis: RedisServer) -> None:
    """Two in all, wherever; one that leaves makes room at either."""
    who = principal(concurrency=2)
    async with two(redis.url) as (here, there):
        leave = await here.acquire(who)
        await there.acquire(who)
        for limiter in (here, there):
            assert "2 requests open at once" in (await refused(limiter, who)).message
        leave(tokens=0)
        await here._store.ask("PING")
        await there.acquire(who)
        await refused(here, who)


async def test_tokens_of_a_minute(redis: RedisServer) -> None:
    """Tokens that one gateway spends or reserves are missing at all; those that a killed gateway
    had reserved come back."""
    who = principal(tokens_per_minute=100)
    async with two(redis.url) as (here, there):
        (await here.acquire(who, 90))(tokens=30)
        await here._store.ask("PING")
        async with limiter_at(redis.url) as dying:
            await dying.acquire(who, 50)
        assert (await refused(there, who, 21)).retry_after_s == 1
        leave = await there.acquire(who, 20)
        leave(tokens=20)
        await there._store.ask("PING")
        pass_a_lease(redis)
        (await here.acquire(who, 50))(tokens=50)
        await here._store.ask("PING")
        assert "100 tokens per minute are used up" in (await refused(there, who)).message


@pytest.mark.parametrize("outage", ["stopped", "killed"])
async def test_what_ends_while_redis_is_away_counts_once(
    start_redis: StartRedis, outage: str
) -> None:
    """Soon after its return no place is taken, and the tokens are spent."""
    redis = start_redis()
    who = principal(concurrency=2, tokens_per_minute=100)
    async with limiter_at(redis.url, timeout_s=0.2) as here:
        leaves = [await here.acquire(who, 50), await here.acquire(who, 50)]
        redis.signal(signal.SIGSTOP)
        late = [asyncio.create_task(here.acquire(who, 10)) for _ in range(2)]  # on their way
        for leave in [*leaves, *await asyncio.gather(*late)]:
            leave(tokens=20)
        await eventually(lambda: not here._store.is_up)
        if outage == "killed":
            redis.kill()
            redis.start()
        redis.signal(signal.SIGCONT)
        await eventually(lambda: here._store.is_up)
        assert not here._unsettled
        await asyncio.sleep(BEAT_S)  # whatever was on its way has arrived
        assert redis.ask("GET", *redis.ask("KEYS", "mmhie:tokens:*").split()) == "80"
        assert "are used up" in (await refused(here, who, 21)).message
        await here.acquire(who, 10)
        await here.acquire(who, 10)


async def test_a_gateway_that_dies_leaves_nothing_for_long(redis: RedisServer) -> None:
    """Its leases end; those of one that lives are renewed, of the same client and of another."""
    who, other = principal(concurrency=2), principal("b", concurrency=1)
    async with limiter_at(redis.url) as living:
        await living.acquire(other)
        await living.acquire(who)
        async with limiter_at(redis.url) as dying:
            await dying.acquire(who)
        await refused(living, who)
        pass_a_lease(redis, living)
        await eventually(lambda: len(renewed(redis)) == 2)
        await living.acquire(who)
        await refused(living, who)
        await refused(living, other)


async def test_a_caller_that_leaves_while_it_waits(redis: RedisServer) -> None:
    """A caller that leaves gives its lease back."""
    who = principal(concurrency=1)
    async with limiter_at(redis.url) as limiter:
        waiting = asyncio.create_task(limiter.acquire(who))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await limiter._store.ask("PING")
        await limiter.acquire(who)


async def test_without_redis_by_itself(start_redis: StartRedis) -> None:
    """Each gateway counts alone, from nothing; what is open is told to Redis when it is back, and
    what was counted alone is forgotten."""
    redis = start_redis()
    who = principal(concurrency=2, requests_per_minute=3)
    async with two(redis.url) as (here, there):
        leaves = [await here.acquire(who), await there.acquire(who)]
        redis.kill()
        for limiter in (here, there):
            leaves += [await limiter.acquire(who), await limiter.acquire(who)]
            await refused(limiter, who)
        for leave in leaves[:5]:
            leave(tokens=0)
        redis.start()
        await eventually(lambda: here._store.is_up and there._store.is_up)
        await here.acquire(who)  # one of two is open, and the minute is new
        await refused(here, who)
        leaves[5](tokens=0)
        await there._store.ask("PING")
        await there.acquire(who)
