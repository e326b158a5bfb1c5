"""Rate limits counted by all gateways together; by this one alone while Redis is away."""

import asyncio
import hashlib
import secrets
from functools import lru_cache, partial
from itertools import count

from gateway.cluster.lua import script
from gateway.cluster.operator_state import PREFIX
from gateway.cluster.redis_store import (
    MAX_BATCH,
    Command,
    RedisStore,
    RedisUnavailable,
    Reply,
    Send,
)
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

ACQUIRE, ADD_TOKENS, RENEW_LEASES = map(script, ("acquire", "add_tokens", "renew_leases"))


class RedisRateLimiter:
    """Rate limits shared by all gateways.

    The open requests of a gateway are leases that it renews: those of one that was killed expire.
    """

    def __init__(
        self,
        store: RedisStore,
        local: RateLimiter,
        *,
        refuse: bool,
        lease_s: float = LEASE_S,
    ) -> None:
        self._store = store
        self._local = local
        self._refuse = refuse
        self._lease_s = lease_s
        self._renew_at = 0.0
        self._leases: dict[str, set[str]] = {}
        # Keys under which Redis may have our leases, since this renewal and the one before
        self._counted: set[str] = set()
        self._counted_before: set[str] = set()
        self._process = secrets.token_hex(8)
        self._names = (f"{self._process}:{number}" for number in count())
        store.heartbeats.append(self.renew_leases)

    async def acquire(self, principal: Principal) -> Release:
        """Count a request in; raises TooBusy, or SharedStateUnavailable where that is set."""
        if principal.limits == NO_LIMITS:
            return unlimited
        lease = next(self._names)
        if self._store.is_up and principal.limits.concurrency:
            self._counted.add(self._key("open", principal))  # whether its reply arrives or not
        try:
            verdict, wait_s = verdict_of(await self._store.ask(*self._command(principal, lease)))
        except RedisUnavailable:
            return await self._acquire_alone(principal, lease)
        except asyncio.CancelledError:  # it may be counted in all the same: this follows it
            self._end(principal, lease)
            raise
        if verdict:
            raise refusal(principal, verdict, wait_s)
        self._begin(principal, lease)
        return partial(self._release, principal, lease, unlimited)

    def _command(self, principal: Principal, lease: str) -> Command:
        limits = principal.limits
        keys = (self._key(kind, principal) for kind in ("open", "tokens", "requests"))
        most = (limits.concurrency, limits.tokens_per_minute, limits.requests_per_minute)
        lengths = (int(self._lease_s * 1000), MINUTE_S * 1000)
        return ("EVAL", ACQUIRE, 3, *keys, lease, *(limit or 0 for limit in most), *lengths)

    async def _acquire_alone(self, principal: Principal, lease: str) -> Release:
        if self._refuse:
            raise SharedStateUnavailable(
                "This key's limits are counted with other gateways, which cannot be done now; "
                "send the request again.",
                retry_after_s=1,
            )
        release = await self._local.acquire(principal)
        self._begin(principal, lease)  # so that Redis counts it when it is back
        return partial(self._release, principal, lease, release)

    def _release(self, principal: Principal, lease: str, local: Release, *, tokens: int) -> None:
        local(tokens=tokens)
        self._end(principal, lease)
        if tokens and principal.limits.tokens_per_minute:
            key = self._key("tokens", principal)
            self._store.send("EVAL", ADD_TOKENS, 1, key, tokens, MINUTE_S * 1000)

    def _begin(self, principal: Principal, lease: str) -> None:
        if principal.limits.concurrency:
            self._leases.setdefault(self._key("open", principal), set()).add(lease)

    def _end(self, principal: Principal, lease: str) -> None:
        if not principal.limits.concurrency:
            return
        key = self._key("open", principal)
        leases = self._leases.get(key, set())
        leases.discard(lease)
        if not leases:
            self._leases.pop(key, None)
        self._store.send("ZREM", key, lease)

    def _key(self, kind: str, principal: Principal) -> str:
        return f"{PREFIX}:{kind}:{pseudonym(principal.id)}"

    async def renew_leases(self, send: Send, *, fresh: bool) -> None:
        """Renew the leases in time; all of them at once where Redis may have lost them, or still
        has some that ended while it was away."""
        now = asyncio.get_running_loop().time()
        if not fresh and now < self._renew_at:
            return
        self._renew_at = now + self._lease_s / RENEWALS
        keys = self._keys_to_renew(fresh=fresh)
        renew = ("EVAL", RENEW_LEASES, 1)
        how = (int(self._lease_s * 1000), self._process if fresh else "")
        for at in range(0, len(keys), MAX_BATCH):  # each has its own time, and others run between
            some = keys[at : at + MAX_BATCH]
            await send([(*renew, key, *how, *self._leases.get(key, ())) for key in some])

    def _keys_to_renew(self, *, fresh: bool) -> list[str]:
        """Return the keys of the open leases; for a fresh connection also those under which others
        of this process may still stand. While Redis is away they do not grow in number."""
        keys = set(self._leases)
        if fresh:
            keys |= self._counted | self._counted_before
        self._counted_before, self._counted = self._counted, set(keys)
        return list(keys)


def verdict_of(reply: Reply) -> tuple[str, float]:
    """Return the limit that is exceeded, "" for none, and the seconds to wait; raises
    RedisUnavailable for a reply that is not our script's."""
    match reply:
        case [b"", *_] | [None, *_]:
            return "", 0.0
        case [b"open" | b"tokens" | b"requests" as verdict, int(wait_ms)]:
            return verdict.decode(), wait_ms / 1000
    raise RedisUnavailable("Redis gave a reply that is not one of the gateway's scripts.")


def refusal(principal: Principal, verdict: str, wait_s: float) -> TooBusy:
    """Return the error for the limit that was exceeded."""
    limits = principal.limits
    if verdict == "open":
        return concurrency_exceeded(limits.concurrency)
    limit = limits.tokens_per_minute if verdict == "tokens" else limits.requests_per_minute
    return rate_exceeded(limit, verdict, wait_s)


@lru_cache(maxsize=10_000)
def pseudonym(principal_id: str) -> str:
    """Return the name of a principal in Redis: names of keys may be those of people."""
    return hashlib.sha256(principal_id.encode()).hexdigest()[:32]
