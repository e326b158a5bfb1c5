"""Workers' shares of limits."""

import pytest

from gateway.errors import TooBusy
from gateway.limits.admission import AdmissionQueue
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.limits.worker_share import shared_limits, worker_share
from gateway.principal import NO_LIMITS, Principal, PrincipalLimits
from gateway.settings.gateway import GatewaySettings


@pytest.mark.parametrize(
    ("limit", "workers", "share"),
    [(64, 1, 64), (64, 2, 32), (10, 4, 2), (4, 4, 1), (3, 4, 1), (1, 64, 1), (0, 1, 0), (0, 4, 0)],
)
def test_a_share_is_rounded_down_and_at_least_one(limit: int, workers: int, share: int) -> None:
    """A limit of zero stays zero: a gateway without a queue has none."""
    assert worker_share(limit, workers) == share


def test_a_limit_that_is_not_set_is_none_for_a_worker() -> None:
    """A missing limit stays missing for a worker."""
    hundred, share = PrincipalLimits(tokens_per_minute=100), PrincipalLimits(tokens_per_minute=25)
    assert shared_limits(NO_LIMITS, 4) == NO_LIMITS
    assert shared_limits(hundred, 4) == share


def test_slots_and_queue_of_a_worker() -> None:
    """A worker has its share of the slots and of the queue, if there is one."""
    queue = AdmissionQueue.of(GatewaySettings(workers=4, max_inflight=10, max_queue=0))

    assert (queue.max_inflight, queue.max_queue) == (2, 0)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (PrincipalLimits(concurrency=4), "may have 2 requests open at once at each of 2 gateway"),
        (PrincipalLimits(requests_per_minute=5), "2 requests per minute at each of 2 gateway"),
    ],
)
async def test_a_worker_refuses_at_its_share(limits: PrincipalLimits, words: str) -> None:
    """The refusal says that the number is that of one process."""
    limiter = LocalRateLimiter(workers=2)
    ward = Principal("ward", "key", frozenset(), limits=limits)
    for _ in range(2):
        await limiter.acquire(ward)

    with pytest.raises(TooBusy) as refused:
        await limiter.acquire(ward)
    assert words in refused.value.message
