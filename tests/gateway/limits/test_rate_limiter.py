"""The limits of one client."""

import pytest

from gateway.errors import TooBusy
from gateway.limits.rate_limiter import MAX_WINDOWS, FixedWindows, LocalRateLimiter
from gateway.principal import Principal, PrincipalLimits
from tests.gateway.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def limiter(clock: Clock) -> LocalRateLimiter:
    return LocalRateLimiter(FixedWindows(clock=clock))


def principal(name: str = "a", **limits: int) -> Principal:
    return Principal(name, "key", frozenset(), limits=PrincipalLimits(**limits))


def use(limiter: LocalRateLimiter, who: Principal, *, tokens: int = 0) -> None:
    limiter.try_acquire(who, tokens)
    limiter.release(who, tokens, tokens=tokens)


def retry_after(limiter: LocalRateLimiter, who: Principal) -> int:
    with pytest.raises(TooBusy) as refused:
        limiter.try_acquire(who)
    return int(refused.value.headers()["retry-after"])


def test_clients_do_not_share(limiter: LocalRateLimiter) -> None:
    """Nor does a token's subject with a key of the same name."""
    use(limiter, principal(requests_per_minute=1))
    retry_after(limiter, principal(requests_per_minute=1))
    use(limiter, principal("b", requests_per_minute=1))
    use(limiter, Principal("a", "jwt", frozenset(), limits=PrincipalLimits(requests_per_minute=1)))


def test_a_refusal_for_tokens_costs_no_request(limiter: LocalRateLimiter, clock: Clock) -> None:
    """Else a caller that retries would wait twice."""
    who = principal(requests_per_minute=2, tokens_per_minute=10)
    use(limiter, who, tokens=10)
    for _ in range(5):
        retry_after(limiter, who)
    clock.now += 60
    use(limiter, who)
    use(limiter, who)


def test_counts_of_those_who_left_are_dropped(clock: Clock) -> None:
    """Memory is bounded by the clients of one minute."""
    windows = FixedWindows(clock=clock)
    for number in range(MAX_WINDOWS):
        windows.add((f"old-{number}", "requests"))
    clock.now += 61
    windows.add(("new", "requests"))

    assert len(windows) == 1
