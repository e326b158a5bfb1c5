"""Rate limits of each client: requests at once, requests and tokens per minute."""

import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Protocol

from gateway.errors import TooBusy
from gateway.principal import Principal

MINUTE_S = 60
MAX_WINDOWS = 10_000

WindowKey = tuple[str, str]  # a client's id, and "requests" or "tokens"


class Release(Protocol):
    """Ends the count of one request, and counts the tokens that it spent."""

    def __call__(self, *, tokens: int) -> None: ...


class RateLimiter(Protocol):
    """Counts the requests and tokens of principals, in this process or in several."""

    def tokens_per_minute(self, principal: Principal) -> int | None:
        """Return the limit that this limiter applies."""

    async def acquire(self, principal: Principal, tokens: int = 0) -> Release:
        """Count a new request and reserve tokens until its end; raise TooBusy."""


def unlimited(*, tokens: int) -> None:
    """The Release of a principal without limits, who is not counted."""


class FixedWindows:
    """Counts within minutes that begin with the first event; on the monotonic clock, which cannot
    be set back."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._windows: dict[WindowKey, tuple[int, float]] = {}
        self._most = MAX_WINDOWS

    def __len__(self) -> int:
        return len(self._windows)

    def add(self, key: WindowKey, amount: int = 1) -> None:
        """Count in the open window, or in a new one."""
        now = self._clock()
        count, end = self._windows.get(key, (0, 0.0))
        if end <= now:
            self._drop_ended(now)
            count, end = 0, now + MINUTE_S
        self._windows[key] = (count + amount, end)

    def count(self, key: WindowKey) -> int:
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def left_s(self, key: WindowKey) -> float:
        now = self._clock()
        return self._windows.get(key, (0, now))[1] - now

    def _drop_ended(self, now: float) -> None:
        """Drop windows that have ended, whenever there are twice as many as are open: constant time
        on average."""
        if len(self._windows) >= self._most:
            self._windows = {
                key: window for key, window in self._windows.items() if window[1] > now
            }
            self._most = max(MAX_WINDOWS, 2 * len(self._windows))


class LocalRateLimiter:
    """Rate limits counted in this process alone."""

    def __init__(self, windows: FixedWindows | None = None) -> None:
        self._windows = FixedWindows() if windows is None else windows
        self._open: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()

    def tokens_per_minute(self, principal: Principal) -> int | None:
        return principal.limits.tokens_per_minute

    async def acquire(self, principal: Principal, tokens: int = 0) -> Release:
        """Count a new request and reserve tokens until its end; raise TooBusy."""
        self.try_acquire(principal, tokens)
        return partial(self.release, principal, tokens)

    def try_acquire(self, principal: Principal, tokens: int = 0) -> None:
        """Count a new request; raise TooBusy with the seconds to wait."""
        limits, who = principal.limits, principal.id
        if limits.concurrency and self._open[who] >= limits.concurrency:
            raise concurrency_exceeded(limits.concurrency)
        if limits.tokens_per_minute:
            self._check((who, "tokens"), limits.tokens_per_minute, max(tokens, 1))
            reserved = self._reserved[who] + max(tokens, 1)
            if self._windows.count((who, "tokens")) + reserved > limits.tokens_per_minute:
                raise tokens_reserved(limits.tokens_per_minute)
        if limits.requests_per_minute:
            self._check((who, "requests"), limits.requests_per_minute, 1)
            self._windows.add((who, "requests"))
        self._open[who] += 1
        self._reserved[who] += tokens

    def release(self, principal: Principal, reserved: int = 0, *, tokens: int) -> None:
        """End a request: the tokens that it spent count instead of those that it reserved."""
        who = principal.id
        self._open[who] -= 1
        self._reserved[who] -= reserved
        if not self._open[who]:
            del self._open[who], self._reserved[who]
        if principal.limits.tokens_per_minute and tokens:
            self._windows.add((who, "tokens"), tokens)

    def _check(self, key: WindowKey, limit: int, more: int) -> None:
        if self._windows.count(key) + more > limit:
            raise rate_exceeded(limit, key[1], self._windows.left_s(key))


def tokens_reserved(limit: int | None) -> TooBusy:
    return TooBusy(
        f"Open requests may use up this key's {limit} tokens per minute; wait "
        "for one to end, or send a lower max_tokens.",
        retry_after_s=1,
    )


def concurrency_exceeded(limit: int | None) -> TooBusy:
    return TooBusy(
        f"This key may have {limit} requests open at once; wait for one to end.",
        retry_after_s=1,
    )


def rate_exceeded(limit: int | None, unit: str, left_s: float) -> TooBusy:
    """Return the refusal for a minute that ends in `left_s` seconds."""
    wait_s = min(MINUTE_S, max(1, math.ceil(left_s)))
    return TooBusy(
        f"This key's {limit} {unit} per minute are used up; try again in {wait_s} s.",
        retry_after_s=wait_s,
    )
