"""The state that gateways share through Redis, if MMHIE_REDIS_URL is set.

Otherwise the Redis library is not loaded, which takes a quarter of a second and 10 MB.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.cluster.operator_state import OperatorState
from gateway.errors import SharedStateUnavailable
from gateway.limits.rate_limiter import RateLimiter
from gateway.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from gateway.cluster.redis_store import RedisStore

TIMEOUT_S = 1.0  # many round trips; only requests on their way when Redis fails wait for it
NOT_SYNCED = "The state that gateways share has not been read from Redis yet."
DISCONNECTED = (
    "Redis {problem}: limits are counted by each gateway alone, and a command to all gateways "
    "(hold, release, revoke) does not arrive here."
)


@dataclass(frozen=True, slots=True)
class ClusterState:
    """State shared with other gateways; without a store, of this gateway alone."""

    limiter: RateLimiter
    operator: OperatorState
    store: "RedisStore | None" = None
    refuse: bool = False

    @property
    def is_unsynced(self) -> bool:
        """True while requests must be refused, since holds and revoked keys are not known yet."""
        return self.refuse and not self.operator.is_synced

    def require_sync(self) -> None:
        """Raise SharedStateUnavailable while it is unsynced."""
        if self.is_unsynced:
            raise SharedStateUnavailable(
                "This gateway does not know yet whether the model is out of service; send the "
                "request again.",
                retry_after_s=1,
            )

    def warnings(self) -> list[str]:
        problem = self.store and self.store.problem
        return [DISCONNECTED.format(problem=problem)] if problem else []

    async def run(self) -> None:
        """Keep the state up to date; at the end, report that this process is gone."""
        if self.store is None:
            return
        try:
            await self.store.run()
        finally:
            await self.store.send_last([self.operator.report_end()])

    async def wait_for_first_attempt(self) -> None:
        """Return once the state is read, or known to be unreachable."""
        if self.store is not None:
            await self.store.tried.wait()


def cluster_state(settings: GatewaySettings, local: RateLimiter) -> ClusterState:
    """Return the state for these settings; `local` limits clients in this gateway alone."""
    operator = OperatorState(settings.port)
    if settings.redis_url is None:
        return ClusterState(local, operator)
    from gateway.cluster.redis_limiter import RedisRateLimiter
    from gateway.cluster.redis_store import RedisAddress, RedisStore

    refuse = settings.redis_on_failure == "refuse"
    store = RedisStore(RedisAddress.of(settings), timeout_s=TIMEOUT_S)
    store.heartbeats.append(operator.sync)
    limiter = RedisRateLimiter(store, local, refuse=refuse)
    return ClusterState(limiter, operator, store, refuse)
