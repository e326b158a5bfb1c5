"""How much each client may use: requests at once, requests and tokens per minute."""

import math
from collections import Counter
from functools import partial
from typing import Protocol

from gateway.errors import TooBusy
from gateway.limits.windows import MINUTE_S, Windows
from gateway.principal import Principal


class Release(Protocol):
    """Counts one request out again, with the tokens it spent."""

    def __call__(self, *, tokens: int) -> None: ...


class RateLimiter(Protocol):
    """Count what principals use: in this process, or together with other processes."""

    async def enter(self, client: Principal) -> Release: ...


def nothing(*, tokens: int) -> None:
    """Of who was not counted in."""


class LocalRateLimiter:
    """Counts what clients use. A window of a minute begins with a client's first request in it."""

    def __init__(self, windows: Windows | None = None) -> None:
        self._windows = Windows() if windows is None else windows
        self._open: Counter[str] = Counter()

    async def enter(self, client: Principal) -> Release:
        """As `count_in`; where several processes count together, this waits for their answer."""
        self.count_in(client)
        return partial(self.leave, client)

    def count_in(self, client: Principal) -> None:
        """Count a request in; raises TooBusy, with the seconds after which it may come in.

        Tokens are known only at the end: a request comes in while any are left, and what it
        spends over the limit holds back those after it.
        """
        limits, who = client.limits, client.id
        if limits.concurrency and self._open[who] >= limits.concurrency:
            raise too_many_open(limits.concurrency)
        if limits.tokens_per_minute:
            self._check(who, "tokens", limits.tokens_per_minute)
        if limits.requests_per_minute:
            self._check(who, "requests", limits.requests_per_minute)
            self._windows.add((who, "requests"))
        self._open[who] += 1

    def leave(self, client: Principal, *, tokens: int) -> None:
        """Count a request out, with the tokens it spent."""
        who = client.id
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]
        if client.limits.tokens_per_minute and tokens:
            self._windows.add((who, "tokens"), tokens)

    def _check(self, who: str, what: str, limit: int) -> None:
        used = (who, what)
        if self._windows.count(used) < limit:
            return
        raise spent(limit, what, self._windows.left_s(used))


def too_many_open(limit: int | None) -> TooBusy:
    return TooBusy(
        f"This key may have {limit} requests open at once; wait for one.", retry_after_s=1
    )


def spent(limit: int | None, what: str, left_s: float) -> TooBusy:
    """Of a minute that ends in `left_s` seconds."""
    wait_s = min(MINUTE_S, max(1, math.ceil(left_s)))
    return TooBusy(
        f"This key's {limit} {what} per minute are spent; try again in {wait_s} s.",
        retry_after_s=wait_s,
    )
