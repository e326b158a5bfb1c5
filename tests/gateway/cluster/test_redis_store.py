"""The connection to Redis: what is sent together, what is said of a failure, how long it takes."""

import asyncio

import pytest

from gateway.cluster import RedisUnavailable
from gateway.cluster.redis_store import MAX_BATCH, Send
from tests.gateway.cluster.conftest import Running, StartRedis
from tests.gateway.cluster.server import RedisServer
from tests.waiting import eventually

TIMEOUT_S = 0.2
NARROW = ("--user", "default", "on", "nopass", "~*", "+get")


async def write(send: Send, *, fresh: bool) -> None:
    """As `OperatorState` does with every heartbeat."""
    await send([("SET", "seen", 1)])


async def test_everybody_gets_his_own_answer(redis: RedisServer) -> None:
    """More at once than a batch has room for, in the order of asking."""
    many = 3 * MAX_BATCH + 1
    async with Running(redis.url).running() as store:
        store.send("SET", "n", 0)
        answers = await asyncio.gather(*(store.ask("INCR", "n") for _ in range(many)))

    assert answers == list(range(1, many + 1))


async def test_an_error_is_told_to_who_asked(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The others get their answers, the connection stays; one line tells."""
    async with Running(redis.url).running() as store:
        store.send("SET", "text", "secret")
        asked = [store.ask("INCR", key) for key in ("text", "n", "text")]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        assert store.is_up
    assert [type(reply) for reply in replies] == [RedisUnavailable, int, RedisUnavailable]
    assert caplog.text.count("Redis answers with an error") == 1
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("options", "user", "problem"),
    [
        (("--requirepass", "right"), ":wrong@", "refuses the name or password in MMHIE_REDIS_URL"),
        (("--replicaof", "127.0.0.1 1"), "", "takes no writes: it is a replica"),
        (("--maxmemory", "1"), "", "is full"),
        (NARROW, "", "does not permit this account the commands that are needed"),
    ],
)
async def test_one_that_cannot_be_used(
    start_redis: StartRedis, options: tuple[str, ...], user: str, problem: str
) -> None:
    """Found by the first write, and said in words that quote nothing."""
    redis = start_redis(*options)
    made = Running(redis.url.replace("//", f"//{user}"))
    made.store.heartbeats.append(write)
    async with made.running() as store:
        assert store.problem == problem
        with pytest.raises(RedisUnavailable):
            await store.ask("PING")


async def test_a_fault_of_ours_leaves_nobody_waiting(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Every request gets its reply, and the store goes on."""
    made = Running(redis.url)

    async def fail(send: Send, *, fresh: bool) -> None:
        if not fresh:
            raise ZeroDivisionError("secret")

    made.store.heartbeats.append(fail)
    async with made.running() as store:
        await eventually(lambda: not store.is_up)
        await eventually(lambda: store.is_up)

    assert "a fault while talking to Redis" in caplog.text
