"""The limits of one client, and the Retry-After of a refusal."""

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


def test_requests_per_minute(limiter: LocalRateLimiter, clock: Clock) -> None:
    """Retry-After is the rest of the minute that began with the first request."""
    who = principal(requests_per_minute=3)
    for _ in range(3):
        use(limiter, who)
        clock.now += 5
    wait = retry_after(limiter, who)
    assert wait == 45
    clock.now += wait - 1.5
    assert retry_after(limiter, who) == 2
    clock.now += 1.5
    use(limiter, who)


def test_tokens_per_minute(limiter: LocalRateLimiter, clock: Clock) -> None:
    """A request that might exceed the limit is refused until the minute is over."""
    who = principal(tokens_per_minute=100)
    use(limiter, who, tokens=60)
    with pytest.raises(TooBusy, match="are used up; try again in 60 s"):
        limiter.try_acquire(who, 41)
    use(limiter, who, tokens=40)
    wait = retry_after(limiter, who)
    assert wait == 60
    clock.now += wait
    use(limiter, who, tokens=1)


def test_reserved_tokens(limiter: LocalRateLimiter) -> None:
    """They count until the request ends; then only what it has spent does."""
    who = principal(tokens_per_minute=100)
    for _ in range(2):
        limiter.try_acquire(who, 50)
    with pytest.raises(TooBusy, match="wait for one to end") as refused:
        limiter.try_acquire(who, 1)
    limiter.release(who, 50, tokens=0)
    limiter.release(who, 50, tokens=10)
    use(limiter, who, tokens=90)

    assert refused.value.retry_after_s == 1
    assert not limiter._reserved


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
