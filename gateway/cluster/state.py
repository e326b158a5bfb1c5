"""From settings to what is shared. Without a Redis nothing is, and its library is not loaded: it
is a quarter of a second of a start and 10 MB."""

import ssl
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.errors import SharedStateUnavailable
from gateway.limits.rate_limiter import RateLimiter
from gateway.safety.hold import Hold
from gateway.settings import GatewaySettings, SettingsError

if TYPE_CHECKING:
    from gateway.cluster.operator_state import OperatorState
    from gateway.cluster.redis_store import Address, RedisStore

UNHEARD = "What gateways share has not been read from Redis yet."
SET_APART = (
    "Redis {problem}: limits are counted by each gateway alone, and an order to all gateways "
    "(hold, release, revoke) is not heard here."
)


class ClusterState(Protocol):
    """What other gateways have a part in."""

    @property
    def limiter(self) -> RateLimiter: ...

    @property
    def hold(self) -> Hold | None:
        """The hold that is in force for all gateways."""

    @property
    def revoked(self) -> Container[str]:
        """Digests of keys that are revoked for all gateways; grows in place."""

    @property
    def is_missed(self) -> bool:
        """Whether nothing may be answered, since nobody knows yet what was ordered."""

    def check(self) -> None:
        """Raises SharedStateUnavailable while it is missed."""

    def warnings(self) -> list[str]: ...

    async def run(self) -> None:
        """What is done in the background."""

    async def first_look(self) -> None:
        """Return once it is known, or known that it cannot be."""


@dataclass(frozen=True, slots=True)
class LocalState:
    """Nothing is shared."""

    limiter: RateLimiter
    hold: Hold | None = None
    revoked: Container[str] = frozenset()
    is_missed: bool = False

    def check(self) -> None:
        pass

    def warnings(self) -> list[str]:
        return []

    async def run(self) -> None:
        pass

    async def first_look(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class RedisState:
    """Shared through Redis."""

    limiter: RateLimiter
    store: "RedisStore"
    orders: "OperatorState"
    refuse: bool

    @property
    def hold(self) -> Hold | None:
        return self.orders.hold

    @property
    def revoked(self) -> Container[str]:
        return self.orders.revoked

    @property
    def is_missed(self) -> bool:
        return self.refuse and not self.orders.heard

    def check(self) -> None:
        if self.is_missed:
            raise SharedStateUnavailable(
                "This gateway has not learnt yet whether the model is out of service; send the "
                "request again.",
                retry_after_s=1,
            )

    def warnings(self) -> list[str]:
        problem = self.store.problem
        return [] if problem is None else [SET_APART.format(problem=problem)]

    async def run(self) -> None:
        await self.store.run()

    async def first_look(self) -> None:
        await self.store.tried.wait()


def shared_of(
    settings: GatewaySettings, own: RateLimiter, alarm: Callable[[bool], None]
) -> ClusterState:
    """What these settings mean; `own` counts clients in this gateway."""
    if settings.redis_url is None:
        return LocalState(own)
    from gateway.cluster import operator_state, redis_limiter, redis_store

    refuse, prefix = settings.redis_on_failure == "refuse", settings.redis_prefix
    redis = redis_store.RedisStore(
        address_of(settings), patience_s=settings.redis_timeout_seconds, alarm=alarm
    )
    known = operator_state.OperatorState(prefix)
    redis.beats.append(known.beat)
    limiter = redis_limiter.RedisRateLimiter(redis, own, prefix=prefix, refuse=refuse)
    return RedisState(limiter, redis, known, refuse)


def address_of(settings: GatewaySettings) -> "Address":
    """Where the settings say that Redis is."""
    from gateway.cluster.redis_store import Address

    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    if not url.startswith("unix://"):
        url = url.replace("unix:/", "unix:///", 1)
    return Address(url, settings.redis_ca)


def check(settings: GatewaySettings) -> None:
    """Raises SettingsError for a certificate authority that cannot be used. A Redis that is away
    is another matter: MMHIE_REDIS_ON_FAILURE says what then."""
    if settings.redis_ca is None:
        return
    try:
        ssl.create_default_context(cafile=settings.redis_ca)
    except OSError:
        raise SettingsError(
            f"MMHIE_REDIS_CA got {settings.redis_ca}: it cannot be read as certificates in PEM."
        ) from None
