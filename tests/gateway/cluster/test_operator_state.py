"""Operators' commands to all gateways, also with a Redis that lost its memory."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.cluster.operator_state import (
    HOLD_KEY,
    REVOKED_KEY,
    HoldEntry,
    OperatorState,
    parse_entry,
    revoke_keys,
    set_hold,
)
from gateway.cluster.redis_store import RedisAddress, execute_once
from gateway.hold.hold import UNREADABLE, Hold
from tests.gateway.cluster.conftest import Running, StartRedis
from tests.gateway.cluster.server import RedisServer
from tests.waiting import eventually

HOLD = Hold(reason="Störung", by="ops", since="2026-11-25T08:00:00Z")


@contextlib.asynccontextmanager
async def operator_at(redis: RedisServer) -> AsyncIterator[OperatorState]:
    """The operator state as one gateway knows it."""
    made, operator = Running(redis.url), OperatorState()
    made.store.heartbeats.append(operator.sync)
    async with made.running():
        yield operator


async def hold(redis: RedisServer, noted: Hold | None) -> None:
    await execute_once(RedisAddress(redis.url), 1.0, [set_hold(noted)])


async def revoke(redis: RedisServer, *digests: str) -> None:
    await execute_once(RedisAddress(redis.url), 1.0, revoke_keys(digests))


async def test_a_name_that_is_no_text_blocks_nothing(redis: RedisServer) -> None:
    """Neither a hold nor a revocation beside it."""
    spoilt = ("SADD", REVOKED_KEY, b"\xff\xfe")
    await execute_once(RedisAddress(redis.url), 1.0, [spoilt, set_hold(HOLD)])
    await revoke(redis, "a")
    async with operator_at(redis) as here:
        await eventually(lambda: here.hold == HOLD)
        assert "a" in here.revoked


@pytest.mark.parametrize("is_wiped", [True, False])
async def test_redis_comes_back_with_nothing(start_redis: StartRedis, is_wiped: bool) -> None:
    """Wiped without a connection lost, or started anew: the known state stays in force, and is put
    back for gateways that start later."""
    redis = start_redis()
    async with operator_at(redis) as here:
        await hold(redis, HOLD)
        await revoke(redis, "a")
        await eventually(lambda: here.hold == HOLD and "a" in here.revoked)
        if is_wiped:
            redis.ask("FLUSHALL")
        else:
            redis.kill()
            redis.start()
        await eventually(lambda: redis.ask("EXISTS", HOLD_KEY, REVOKED_KEY) == "2")
        assert here.hold == HOLD
    async with operator_at(redis) as later:
        assert (later.hold, later.revoked) == (HOLD, {"a"})


async def test_a_gateway_that_knows_less_brings_nothing_back(redis: RedisServer) -> None:
    """Later wins, also when all is lost and an older word is put back first."""
    async with operator_at(redis) as behind:
        await hold(redis, HOLD)
        await eventually(lambda: behind.hold == HOLD)
        known = behind._entry
        await hold(redis, None)
        await eventually(lambda: behind.hold is None)
        released = behind._entry
        redis.ask("FLUSHALL")
        older = '{"reason":"x","by":"y","since":"z"}'
        redis.ask("HSET", HOLD_KEY, "at", str(known.at), "hold", older)
        await eventually(lambda: redis.ask("HGET", HOLD_KEY, "at") == str(released.at))
        assert behind.hold is None


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        ((None, None), HoldEntry()),
        ((b"7", b"x"), HoldEntry(0, UNREADABLE)),
        ((b"7", b'{"reason": "x"}'), HoldEntry(0, UNREADABLE)),
        ((b"x", b"null"), HoldEntry(0, UNREADABLE)),
        ((b"7", None), HoldEntry(0, UNREADABLE)),
    ],
)
def test_what_stands_in_redis(row: tuple[bytes | None, bytes | None], entry: HoldEntry) -> None:
    """An entry that makes no sense means that somebody wanted the model off."""
    assert parse_entry(row) == entry
