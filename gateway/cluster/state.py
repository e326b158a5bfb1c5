"""The state that gateways share, as the settings have it.

Without a Redis nothing is shared and its library is not loaded: it is a quarter of a second of a
start and 10 MB.
"""

import ssl
from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from gateway.cluster.operator_state import OperatorState
from gateway.errors import SharedStateUnavailable
from gateway.limits.rate_limiter import RateLimiter
from gateway.safety.hold import Hold
from gateway.settings import GatewaySettings, SettingsError

if TYPE_CHECKING:
    from gateway.cluster.redis_store import RedisStore

NOT_SYNCED = "The state that gateways share has not been read from Redis yet."
DISCONNECTED = (
    "Redis {problem}: limits are counted by each gateway alone, and a command to all gateways "
    "(hold, release, revoke) does not arrive here."
)


class ClusterState:
    """State shared with other gateways; this base shares nothing."""

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter

    @property
    def hold(self) -> Hold | None:
        """The hold that is in force for all gateways."""
        return None

    @property
    def revoked(self) -> Container[str]:
        """Digests of keys that are revoked for all gateways; grows in place."""
        return frozenset()

    @property
    def is_unsynced(self) -> bool:
        """True while no request may be answered, since holds and revoked keys are not known yet."""
        return False

    def require_sync(self) -> None:
        """Raise SharedStateUnavailable while it is unsynced."""
        if self.is_unsynced:
            raise SharedStateUnavailable(
                "This gateway does not know yet whether the model is out of service; send the "
                "request again.",
                retry_after_s=1,
            )

    def warnings(self) -> list[str]:
        return []

    async def run(self) -> None:
        """Keep the state up to date."""

    async def wait_for_first_attempt(self) -> None:
        """Return once the state is read, or known to be unreachable."""


class RedisState(ClusterState):
    """State shared through Redis."""

    def __init__(
        self, limiter: RateLimiter, store: "RedisStore", operator: OperatorState, *, refuse: bool
    ) -> None:
        super().__init__(limiter)
        self._store = store
        self._operator = operator
        self._refuse = refuse

    @property
    def hold(self) -> Hold | None:
        return self._operator.hold

    @property
    def revoked(self) -> Container[str]:
        return self._operator.revoked

    @property
    def is_unsynced(self) -> bool:
        return self._refuse and not self._operator.is_synced

    def warnings(self) -> list[str]:
        problem = self._store.problem
        return [] if problem is None else [DISCONNECTED.format(problem=problem)]

    async def run(self) -> None:
        await self._store.run()

    async def wait_for_first_attempt(self) -> None:
        await self._store.tried.wait()


def cluster_state(
    settings: GatewaySettings, local: RateLimiter, alarm: Callable[[bool], None]
) -> ClusterState:
    """Return the state that these settings share; `local` counts clients in this gateway."""
    if settings.redis_url is None:
        return ClusterState(local)
    from gateway.cluster.redis_limiter import RedisRateLimiter
    from gateway.cluster.redis_store import Address, RedisStore

    refuse, prefix = settings.redis_on_failure == "refuse", settings.redis_prefix
    timeout_s = settings.redis_timeout_seconds
    store = RedisStore(Address.of(settings), timeout_s=timeout_s, alarm=alarm)
    operator = OperatorState(prefix)
    store.heartbeats.append(operator.sync)
    limiter = RedisRateLimiter(store, local, prefix=prefix, refuse=refuse)
    return RedisState(limiter, store, operator, refuse=refuse)


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError for a certificate authority that cannot be used. A Redis that is away is
    no wrong setting: MMHIE_REDIS_ON_FAILURE decides."""
    if settings.redis_ca is None:
        return
    try:
        ssl.create_default_context(cafile=settings.redis_ca)
    except OSError:
        raise SettingsError(
            f"MMHIE_REDIS_CA is {settings.redis_ca}: it cannot be read as certificates in PEM."
        ) from None
