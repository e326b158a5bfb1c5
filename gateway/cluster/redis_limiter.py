"""Clients' limits as one truth for all gateways; this gateway's own counts while Redis is away."""

import asyncio
import hashlib
import secrets
from functools import lru_cache, partial
from itertools import count

from gateway.cluster.redis_store import Command, RedisStore, RedisUnavailable, Send
from gateway.errors import SharedStateUnavailable, TooBusy
from gateway.limits.rate_limiter import (
    MINUTE_S,
    RateLimiter,
    Release,
    concurrency_exceeded,
    rate_exceeded,
    unlimited,
)
from gateway.principal import NO_LIMITS, Principal

LEASE_S = 15.0
RENEWALS = 3  # in the life of a lease

# As `Limiter.count_in`: open requests as leases, then tokens, then requests of the minute that
# began with the first. The clock is Redis' own, so that gateways need not agree on the time.
ENTER = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local open, tokens, requests = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if open > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  if redis.call('ZCARD', KEYS[1]) >= open then return {'open', 0} end
end
if tokens > 0 and tonumber(redis.call('GET', KEYS[2]) or 0) >= tokens then
  return {'tokens', redis.call('PTTL', KEYS[2])}
end
if requests > 0 then
  if tonumber(redis.call('GET', KEYS[3]) or 0) >= requests then
    return {'requests', redis.call('PTTL', KEYS[3])}
  end
  if redis.call('INCR', KEYS[3]) == 1 then redis.call('PEXPIRE', KEYS[3], ARGV[6]) end
end
if open > 0 then
  redis.call('ZADD', KEYS[1], now + ARGV[5], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return {'', 0}
"""
SPEND = """
if redis.call('INCRBY', KEYS[1], ARGV[1]) == tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
"""
RENEW = """
local time = redis.call('TIME')
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], till, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""


class RedisRateLimiter:
    """Counts with all gateways. What a gateway has open are leases that it renews: those of one
    that was killed end by themselves."""

    def __init__(
        self,
        store: RedisStore,
        own: RateLimiter,
        *,
        prefix: str,
        refuse: bool,
        lease_s: float = LEASE_S,
    ) -> None:
        self._store = store
        self._own = own
        self._refuse = refuse
        self._prefix = prefix
        self._lease_s = lease_s
        self._renew_at = 0.0
        self._leases: dict[str, set[str]] = {}
        process = secrets.token_hex(8)
        self._names = (f"{process}:{number}" for number in count())
        store.beats.append(self.beat)

    async def acquire(self, client: Principal) -> Release:
        """Count a request in; raises TooBusy, or SharedStateUnavailable where that is wanted."""
        if client.limits == NO_LIMITS:
            return unlimited
        lease = next(self._names)
        try:
            verdict, wait_ms = await self._store.ask(*self._question(client, lease))
        except RedisUnavailable:
            return await self._enter_alone(client, lease)
        except asyncio.CancelledError:  # it may be counted in all the same: it leaves behind that
            self._end(client, lease)
            raise
        if verdict:
            raise refusal(client, verdict.decode(), wait_ms / 1000)
        self._begin(client, lease)
        return partial(self._leave, client, lease, unlimited)

    def _question(self, client: Principal, lease: str) -> Command:
        limits = client.limits
        keys = (self._key(kind, client) for kind in ("open", "tokens", "requests"))
        most = (limits.concurrency, limits.tokens_per_minute, limits.requests_per_minute)
        lengths = (int(self._lease_s * 1000), MINUTE_S * 1000)
        return ("EVAL", ENTER, 3, *keys, lease, *(one or 0 for one in most), *lengths)

    async def _enter_alone(self, client: Principal, lease: str) -> Release:
        if self._refuse:
            raise SharedStateUnavailable(
                "The limits of this key are counted with other gateways, which cannot be done "
                "now; the operator was told.",
                retry_after_s=1,
            )
        own = await self._own.acquire(client)
        self._begin(client, lease)  # so that Redis hears of it when it is back
        return partial(self._leave, client, lease, own)

    def _leave(self, client: Principal, lease: str, own: Release, *, tokens: int) -> None:
        own(tokens=tokens)
        self._end(client, lease)
        if tokens and client.limits.tokens_per_minute:
            key = self._key("tokens", client)
            self._store.tell("EVAL", SPEND, 1, key, tokens, MINUTE_S * 1000)

    def _begin(self, client: Principal, lease: str) -> None:
        if client.limits.concurrency:
            self._leases.setdefault(self._key("open", client), set()).add(lease)

    def _end(self, client: Principal, lease: str) -> None:
        if not client.limits.concurrency:
            return
        key = self._key("open", client)
        mine = self._leases.get(key, set())
        mine.discard(lease)
        if not mine:
            self._leases.pop(key, None)
        self._store.tell("ZREM", key, lease)

    def _key(self, kind: str, client: Principal) -> str:
        return f"{self._prefix}:{kind}:{pseudonym(client.id)}"

    async def beat(self, send: Send, *, fresh: bool) -> None:
        """Renew the leases; all of them at once where Redis may have lost them."""
        now = asyncio.get_running_loop().time()
        if not fresh and now < self._renew_at:
            return
        self._renew_at = now + self._lease_s / RENEWALS
        lease_ms = int(self._lease_s * 1000)
        if self._leases:
            await send(
                [("EVAL", RENEW, 1, key, lease_ms, *mine) for key, mine in self._leases.items()]
            )


def refusal(client: Principal, verdict: str, wait_s: float) -> TooBusy:
    """What a caller is told who is over a limit."""
    limits = client.limits
    if verdict == "open":
        return concurrency_exceeded(limits.concurrency)
    most = limits.tokens_per_minute if verdict == "tokens" else limits.requests_per_minute
    return rate_exceeded(most, verdict, wait_s)


@lru_cache(maxsize=10_000)
def pseudonym(client_id: str) -> str:
    """A client in Redis: names of keys may be those of people."""
    return hashlib.sha256(client_id.encode()).hexdigest()[:32]
