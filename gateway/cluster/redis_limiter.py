"""Rate limits counted by all gateways together; by this one alone while Redis is away."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import count
from time import monotonic
from typing import NamedTuple

from gateway.cluster import RedisUnavailable
from gateway.cluster.lua import script
from gateway.cluster.operator_state import PREFIX
from gateway.cluster.redis_store import MAX_BATCH, Command, RedisStore, Reply, Send
from gateway.errors import GatewayError, SharedStateUnavailable, TooBusy
from gateway.limits.rate_limiter import (
    MINUTE_S,
    RateLimiter,
    Release,
    concurrency_exceeded,
    rate_exceeded,
    tokens_reserved,
    unlimited,
)
from gateway.principal import NO_LIMITS, Principal

LEASE_S = 15.0
RENEWALS = 3  # in the life of a lease
MOST_UNSETTLED = 10_000  # requests that ended while Redis was away; the oldest are forgotten

ACQUIRE, SETTLE, RENEW_LEASE = map(script, ("acquire", "settle", "renew_lease"))


class Settlement(NamedTuple):
    """The end of a request that Redis has not confirmed yet."""

    principal: Principal
    tokens: int
    ended: float


class RedisRateLimiter:
    """Rate limits shared by all gateways.

    An open request is a lease, which names the tokens that it reserves. A gateway renews its
    leases: those of one that was killed expire. The end of a request is sent until Redis has
    confirmed it. Redis remembers it for a minute, so that it counts once, and nothing that was on
    its way to a Redis that hung brings the lease back.
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
        self._leases: dict[str, Principal] = {}
        self._unsettled: OrderedDict[str, Settlement] = OrderedDict()
        self._process = secrets.token_hex(8)
        self._numbers = count()
        store.heartbeats.append(self.renew_leases)

    def tokens_per_minute(self, principal: Principal) -> int | None:
        """Return the limit of all gateways together."""
        return principal.limits.tokens_per_minute

    async def acquire(self, principal: Principal, tokens: int = 0) -> Release:
        """Count a request in; raises TooBusy, or SharedStateUnavailable where that is set."""
        if principal.limits == NO_LIMITS:
            return unlimited
        lease = f"{self._process}:{next(self._numbers)}:{tokens}"
        try:
            reply = await self._store.ask(*self._command(principal, lease, tokens))
            verdict, wait_s = verdict_of(reply)
        except RedisUnavailable:
            return await self._acquire_alone(principal, lease, tokens)
        except asyncio.CancelledError:  # it may be counted in all the same: this follows it
            self._end(principal, lease)
            raise
        if verdict:
            raise refusal(principal, verdict, wait_s)
        return self._begin(principal, lease, unlimited)

    def _command(self, principal: Principal, lease: str, tokens: int) -> Command:
        limits = principal.limits
        keys = self._keys(principal, "open", "tokens", "requests", "ended")
        most = (limits.concurrency, limits.tokens_per_minute, limits.requests_per_minute)
        lengths = (int(self._lease_s * 1000), MINUTE_S * 1000)
        return ("EVAL", ACQUIRE, 4, *keys, lease, *(limit or 0 for limit in most), *lengths, tokens)

    async def _acquire_alone(self, principal: Principal, lease: str, tokens: int) -> Release:
        """Count a request in without Redis, which may have counted it without saying so."""
        try:
            if self._refuse:
                raise SharedStateUnavailable(
                    "This key's limits are counted with other gateways, which cannot be done now; "
                    "send the request again.",
                    retry_after_s=1,
                )
            release = await self._local.acquire(principal, tokens)
        except GatewayError:
            self._end(principal, lease)
            raise
        return self._begin(principal, lease, release)  # Redis counts it when it is back

    def _begin(self, principal: Principal, lease: str, local: Release) -> Release:
        if has_leases(principal):
            self._leases[lease] = principal
        return partial(self._release, principal, lease, local)

    def _release(self, principal: Principal, lease: str, local: Release, *, tokens: int) -> None:
        local(tokens=tokens)
        self._end(principal, lease, tokens)

    def _end(self, principal: Principal, lease: str, tokens: int = 0) -> None:
        self._leases.pop(lease, None)
        if not has_leases(principal):
            return
        if len(self._unsettled) >= MOST_UNSETTLED:
            self._unsettled.popitem(last=False)
        self._unsettled[lease] = Settlement(principal, tokens, monotonic())
        confirmed = partial(self._unsettled.pop, lease, None)
        self._store.send(*self._settling(lease), confirmed=confirmed)

    def _settling(self, lease: str) -> Command:
        """Return the command that ends a request, without tokens of an earlier minute."""
        principal, tokens, ended = self._unsettled[lease]
        is_recent = monotonic() - ended < MINUTE_S and principal.limits.tokens_per_minute
        keys = self._keys(principal, "open", "tokens", "ended")
        return ("EVAL", SETTLE, 3, *keys, lease, tokens if is_recent else 0, MINUTE_S * 1000)

    def _keys(self, principal: Principal, *kinds: str) -> list[str]:
        return [f"{PREFIX}:{kind}:{pseudonym(principal.id)}" for kind in kinds]

    async def renew_leases(self, send: Send, *, fresh: bool) -> None:
        """Renew the leases in time. Over a new connection, first end what has ended meanwhile."""
        now = asyncio.get_running_loop().time()
        if not fresh and now < self._renew_at:
            return
        self._renew_at = now + self._lease_s / RENEWALS
        # Each batch has its own time, and others run between: 2 ms of processor time.
        for ended in batches(self._unsettled if fresh else ()):
            left = [lease for lease in ended if lease in self._unsettled]
            await send([self._settling(lease) for lease in left])
            for lease in left:
                self._unsettled.pop(lease, None)
        for some in batches(self._leases):
            await send([self._renewing(lease) for lease in some if lease in self._leases])

    def _renewing(self, lease: str) -> Command:
        keys = self._keys(self._leases[lease], "open", "ended")
        return ("EVAL", RENEW_LEASE, 2, *keys, int(self._lease_s * 1000), lease)


def batches(leases: Iterable[str]) -> Iterator[Sequence[str]]:
    now = list(leases)
    return (now[at : at + MAX_BATCH] for at in range(0, len(now), MAX_BATCH))


def has_leases(principal: Principal) -> bool:
    """Return whether the open requests of a principal count."""
    return bool(principal.limits.concurrency or principal.limits.tokens_per_minute)


def verdict_of(reply: Reply) -> tuple[str, float]:
    """Return the limit that is exceeded, "" for none, and the seconds to wait; raises
    RedisUnavailable for a reply that is not our script's."""
    match reply:
        case [b"", *_] | [None, *_]:
            return "", 0.0
        case [b"open" | b"tokens" | b"reserved" | b"requests" as verdict, int(wait_ms)]:
            return verdict.decode(), wait_ms / 1000
    raise RedisUnavailable("Redis gave a reply that is not one of the gateway's scripts.")


def refusal(principal: Principal, verdict: str, wait_s: float) -> TooBusy:
    limits = principal.limits
    if verdict == "open":
        return concurrency_exceeded(limits.concurrency)
    if verdict == "reserved":
        return tokens_reserved(limits.tokens_per_minute)
    limit = limits.tokens_per_minute if verdict == "tokens" else limits.requests_per_minute
    return rate_exceeded(limit, verdict, wait_s)


@lru_cache(maxsize=10_000)
def pseudonym(principal_id: str) -> str:
    """Return the name of a principal in Redis: names of keys may be those of people."""
    return hashlib.sha256(principal_id.encode()).hexdigest()[:32]
