"""How much each client may use: requests at once, requests and tokens per minute."""

import math
import time
from collections import Counter
from typing import Protocol

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from gateway.access.rates import LocalStorage
from gateway.errors import TooBusy
from gateway.wire.client import Client

MINUTE_S = 60


class Limiting(Protocol):
    """What counts clients: this process's own Limiter, or one shared with other processes."""

    async def enter(self, client: Client) -> None: ...

    def leave(self, client: Client, *, tokens: int) -> None: ...


class Limiter:
    """Counts what clients use. A window of a minute begins with a client's first request in it."""

    def __init__(self, storage: LocalStorage | None = None) -> None:
        self._rates = FixedWindowRateLimiter(storage or LocalStorage())
        self._open: Counter[str] = Counter()
        self._items: dict[tuple[str, int], RateLimitItemPerMinute] = {}

    async def enter(self, client: Client) -> None:
        """As `count_in`; where several processes count together, this waits for their answer."""
        self.count_in(client)

    def count_in(self, client: Client) -> None:
        """Count a request in; raises TooBusy, with the seconds after which it may come in.

        Tokens are known only at the end: a request comes in while any are left, and what it
        spends over the limit holds back those after it.
        """
        limits = client.limits
        if limits.concurrency and self._open[client.id] >= limits.concurrency:
            raise TooBusy(
                f"This key may have {limits.concurrency} requests open at once; wait for one.",
                retry_after_s=1,
            )
        if limits.tokens_per_minute:
            self._check(client, "tokens", limits.tokens_per_minute)
        if limits.requests_per_minute:
            self._check(client, "requests", limits.requests_per_minute)
            self._rates.hit(self._item("requests", limits.requests_per_minute), client.id)
        self._open[client.id] += 1

    def leave(self, client: Client, *, tokens: int) -> None:
        """Count a request out, with the tokens it spent."""
        self._open[client.id] -= 1
        if not self._open[client.id]:
            del self._open[client.id]
        limit = client.limits.tokens_per_minute
        if limit and tokens:
            self._rates.hit(self._item("tokens", limit), client.id, cost=tokens)

    def _check(self, client: Client, what: str, limit: int) -> None:
        item = self._item(what, limit)
        if self._rates.test(item, client.id):
            return
        reset = self._rates.get_window_stats(item, client.id).reset_time
        wait_s = min(MINUTE_S, max(1, math.ceil(reset - time.time())))
        raise TooBusy(
            f"This key's {limit} {what} per minute are spent; try again in {wait_s} s.",
            retry_after_s=wait_s,
        )

    def _item(self, what: str, limit: int) -> RateLimitItemPerMinute:
        item = self._items.get((what, limit))
        if item is None:
            item = self._items[what, limit] = RateLimitItemPerMinute(limit, namespace=what)
        return item
