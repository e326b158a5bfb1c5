"""What operators have told all gateways: the hold in force, and the keys that are revoked.

Redis may lose its data, so what is not there was not taken back: a release is an entry of its own,
a revoked key stays so, and a gateway puts back what it knows and Redis does not.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gateway.cluster.redis_store import Command, Send
from gateway.logs import log
from gateway.safety.hold import UNREADABLE, Hold

SEEN_MS = 15_000

# Later wins, by the clock of Redis; never earlier than what stands there.
ORDER = """
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('HMGET', KEYS[1], 'at', 'hold')
at = math.max(at, tonumber(before[1] or 0) + 1)
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', at), 'hold', ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return before[2]
"""
PUT_BACK = """
if tonumber(redis.call('HGET', KEYS[1], 'at') or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'at', ARGV[1], 'hold', ARGV[2])
end
"""


@dataclass(frozen=True, slots=True)
class Order:
    """The last word on the hold; `at` in milliseconds, 0 when there was none yet."""

    at: int = 0
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """Where it stands in Redis. The revision changes with every order."""

    prefix: str

    @property
    def hold(self) -> str:
        return f"{self.prefix}:hold"

    @property
    def revoked(self) -> str:
        return f"{self.prefix}:revoked"

    @property
    def revision(self) -> str:
        return f"{self.prefix}:revision"

    def order(self, hold: Hold | None) -> Command:
        """What puts a hold in force for everybody, or ends it; answers what stood before."""
        return ("EVAL", ORDER, 2, self.hold, self.revision, told(hold), token())

    def revoke(self, digests: Iterable[str]) -> list[Command]:
        """What revokes keys everywhere, by their SHA-256."""
        return [("SADD", self.revoked, *digests), ("SET", self.revision, token())]


class OperatorState:
    """The orders as this process knows them; looked at every second, read when they changed."""

    def __init__(self, prefix: str) -> None:
        self.revoked: set[str] = set()
        self.heard = False  # since the start
        self._order = Order()
        self._keys = Keys(prefix)
        self._revision: bytes | None = None

    @property
    def hold(self) -> Hold | None:
        return self._order.hold

    async def beat(self, send: Send, *, fresh: bool) -> None:
        """Look whether there is something new. The write is to find a Redis that takes none."""
        seen = ("SET", f"{self._keys.prefix}:seen", 1, "PX", SEEN_MS)
        _, revision = await send([seen, ("GET", self._keys.revision)])
        if fresh or revision is None or revision != self._revision:
            await self._read(send, revision)

    async def _read(self, send: Send, revision: bytes | None) -> None:
        keys = self._keys
        row, members = await send([("HMGET", keys.hold, "at", "hold"), ("SMEMBERS", keys.revoked)])
        there, revoked = order_of(row), {one.decode() for one in members}
        missing = self.revoked - revoked
        self.revoked |= revoked
        is_older = there.at < self._order.at
        if not is_older:
            self._adopt(there)
        if missing or is_older or revision is None:
            await send(self._put_back(missing))
        self._revision = revision  # as read before the rest: what came in between is read again
        self.heard = True

    def _adopt(self, order: Order) -> None:
        if bool(order.hold) != bool(self._order.hold):
            log.warning("held for all gateways" if order.hold else "released for all gateways")
        self._order = order

    def _put_back(self, digests: Iterable[str]) -> list[Command]:
        keys, order = self._keys, self._order
        commands: list[Command] = [("SET", keys.revision, token())]
        if order.at:
            commands.insert(0, ("EVAL", PUT_BACK, 1, keys.hold, order.at, told(order.hold)))
        if digests:
            commands.insert(0, ("SADD", keys.revoked, *digests))
        return commands


def told(hold: Hold | None) -> str:
    return json.dumps(hold and asdict(hold), ensure_ascii=False)


def token() -> str:
    return secrets.token_hex(8)


def order_of(row: Sequence[bytes | None]) -> Order:
    """What stands in Redis. What makes no sense means that somebody wanted the model off."""
    at, hold = row
    if at is None and hold is None:
        return Order()
    try:
        return Order(int(at or 0), hold_of(hold))
    except (ValueError, KeyError, TypeError):
        return Order(0, UNREADABLE)


def hold_before(text: bytes | None) -> Hold | None:
    """The hold that an order has taken the place of."""
    return order_of((b"0", text)).hold if text is not None else None


def hold_of(text: bytes | None) -> Hold | None:
    """A hold as `told` wrote it; raises ValueError, KeyError or TypeError."""
    found: Any = json.loads(text or b"")
    if found is None:
        return None
    return Hold(**{name: str(found[name]) for name in ("reason", "by", "since")})
