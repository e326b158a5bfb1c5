"""The connection to Redis: what is sent together, what is said of a failure, how long it takes."""

import asyncio
import signal

import pytest

from gateway.cluster.redis_store import (
    MAX_BATCH,
    TIMEOUT_STEPS,
    RedisAddress,
    RedisUnavailable,
    Send,
    bounded,
    execute_once,
)
from tests.contract.process import free_port
from tests.gateway.cluster.conftest import Running, StartRedis
from tests.gateway.cluster.server import RedisServer
from tests.waiting import LoopClock, eventually

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


async def test_an_answer_that_nobody_waits_for_any_more(redis: RedisServer) -> None:
    """An answer that comes too late goes nowhere."""
    async with Running(redis.url).running() as store:
        gone = asyncio.create_task(store.ask("INCR", "n"))
        await asyncio.sleep(0)
        gone.cancel()
        assert await store.ask("INCR", "n") == 2


async def test_killed_and_started_again(
    start_redis: StartRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """Noticed at once or within a second; while it is away nobody waits; one line."""
    redis = start_redis()
    made = Running(redis.url, TIMEOUT_S)
    async with made.running() as store:
        await store.ask("PING")
        redis.kill()
        with pytest.raises(RedisUnavailable):
            await store.ask("PING")
        await eventually(lambda: not store.is_up)
        with pytest.raises(RedisUnavailable):
            store.ask("PING").send(None)  # before it waits for anything
        await eventually(lambda: len(made.alarms) >= 3)  # a second attempt fails, in silence
        redis.start()
        await eventually(lambda: store.is_up)
        assert await store.ask("PING") == b"PONG"

    assert made.alarms[:3] == [False, True, True]
    assert made.alarms[-1] is False
    assert caplog.text.count("the shared state cannot be used: Redis cannot be reached") == 1


async def test_one_that_hangs(start_redis: StartRedis) -> None:
    """Refuse every request while it hangs; recover by itself."""
    redis = start_redis()
    async with Running(redis.url, TIMEOUT_S).running() as store:
        redis.signal(signal.SIGSTOP)
        asked = [store.ask("PING") for _ in range(50)]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(reply) for reply in replies} == {RedisUnavailable}
        assert store.problem == "does not answer in time"
        redis.signal(signal.SIGCONT)
        await eventually(lambda: store.is_up)


async def bounded_wait(reply: asyncio.Future[str]) -> str:
    async with bounded(1000.0):
        return await reply


async def test_a_wait_is_bounded() -> None:
    """By as many steps as the timeout has."""
    clock, reply = LoopClock(), asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(bounded_wait(reply))
    await clock.forward(0)
    for _ in range(TIMEOUT_STEPS - 1):
        await clock.forward(1001 / TIMEOUT_STEPS)
    assert not waiting.done()
    await clock.forward(1001 / TIMEOUT_STEPS)
    await eventually(waiting.done, 60)  # less than a step

    with pytest.raises(RedisUnavailable, match="does not answer in time"):
        await waiting


async def test_a_process_that_did_not_run_loses_no_reply() -> None:
    """However long it stood still: the reply that has come meanwhile is read first."""
    clock, reply = LoopClock(), asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(bounded_wait(reply))
    await clock.forward(0)
    await clock.forward(3600)
    reply.set_result("PONG")

    assert await waiting == "PONG"


async def test_one_that_hangs_from_the_start(start_redis: StartRedis) -> None:
    """The first attempt ends while it still hangs."""
    redis = start_redis()
    redis.signal(signal.SIGSTOP)
    made = Running(redis.url)
    made.store.heartbeats.append(write)
    async with made.running() as store:
        assert not store.is_up
        redis.signal(signal.SIGCONT)
        await eventually(lambda: store.is_up)


@pytest.mark.parametrize(
    ("options", "user", "problem"),
    [
        (("--requirepass", "right"), "", "refuses the name or password in MMHIE_REDIS_URL"),
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


async def test_one_that_is_not_there() -> None:
    """For a single question, too."""
    address = RedisAddress(f"redis://127.0.0.1:{free_port()}")
    with pytest.raises(RedisUnavailable, match="cannot be reached"):
        await execute_once(address, 1.0, [("PING",)])


async def test_a_password(start_redis: StartRedis) -> None:
    """With what would mean something else in an address."""
    redis = start_redis("--requirepass", "p@s/s:%")
    address = RedisAddress(redis.url.replace("//", "//:p%40s%2Fs%3A%25@"))

    assert await execute_once(address, 1.0, [("PING",)]) == [b"PONG"]


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
