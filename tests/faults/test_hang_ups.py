"""Callers who hang up, thousands of times: nobody else pays for it."""

import asyncio
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import psutil
import pytest

from gateway.audit.verify import verify
from gateway.principal import PrincipalLimits
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.faults.leavers import STAGES, WHOLE, Leavers
from tests.gateway.audit.conftest import KEY, trail_settings
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.cluster.server import RedisServer
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

TIMES = 1000  # of each kind of gateway
MOST_GROWN_BYTES = 8 * 2**20  # of a process, in as many requests again
SERVED = 20  # answers to those who stay, while the others leave
SLOTS = 4
KINDS = {"alone": False, "redis": True, "redis that hangs": True}  # with Redis?
Begin = Callable[[str], "House"]


class House:
    """A gateway with few slots, a short queue, and keys of every priority."""

    def __init__(self, folder: Path, engine: FakeEngine, redis: RedisServer | None) -> None:
        file = folder / "keys.json"
        scopes = ("generate", "openai", "metrics")
        self.limited = add_key(file, "limited", *scopes, limits=PrincipalLimits(concurrency=3))
        self.patient = add_key(file, "patient", *scopes, priority="emergency")
        self.keys = [
            self.limited,
            add_key(file, "routine", *scopes),
            add_key(file, "batch", *scopes, priority="batch"),
            add_key(file, "urgent", *scopes, priority="emergency"),
            add_key(file, "minute", *scopes, limits=PrincipalLimits(requests_per_minute=10**6)),
        ]
        self.engine, self.redis = engine, redis
        self.trail = folder / "audit.jsonl"
        shared = {"MMHIE_REDIS_URL": redis.url} if redis else {}
        self.gateway = Gateway(
            folder,
            engine.url,
            MMHIE_KEYS_FILE=str(file),
            **trail_settings(self.trail),
            MMHIE_MAX_INFLIGHT=str(SLOTS),
            MMHIE_MAX_QUEUE="6",
            MMHIE_MAX_BODY_BYTES="65536",
            **shared,
        ).wait()

    def memory_bytes(self) -> int:
        """The memory of the gateway."""
        return int(psutil.Process(self.gateway.child.pid).memory_info().rss)

    def metrics(self) -> str:
        return str(self.gateway.client.get("/metrics", headers=bearer(self.keys[1])).text)

    def statuses_at_once(self, key: str, many: int) -> list[int]:
        """Statuses of so many requests that are all at the engine or refused at once."""
        self.engine.reset()
        self.engine.next(fault="gated", times=many)
        statuses: list[int] = []

        def ask() -> None:
            answer = httpx2.post(
                f"{self.gateway.url}/llm/generate",
                json={"prompt": "Why?", "max_tokens": 24},
                headers=bearer(key),
                timeout=PATIENCE_S,
                trust_env=False,
            )
            statuses.append(answer.status_code)

        asking = [threading.Thread(target=ask) for _ in range(many)]
        for thread in asking:
            thread.start()
        until(lambda: int(self.engine.stats["running"]) + len(statuses) == many)
        self.engine.release(10_000)
        for thread in asking:
            thread.join()
        return sorted(statuses)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start one kind of house, stopped at the end."""
    with ExitStack() as stack:

        def start(kind: str) -> House:
            engine = stack.enter_context(FakeEngine("--token-delay", "0.002").wait())
            redis = RedisServer(tmp_path) if KINDS[kind] else None
            if redis is not None:
                stack.callback(redis.kill)
            house = House(tmp_path, engine, redis)
            stack.enter_context(house.gateway)
            return house

        yield start


async def leave_while_it_hangs(crowd: Leavers, redis: RedisServer | None) -> None:
    """Redis hangs longer than a request waits for it, again and again, and once as they end."""
    assert redis is not None
    leaving = asyncio.create_task(crowd.run(5 * TIMES, served=SERVED))
    while not leaving.done():
        await asyncio.wait([leaving], timeout=1.0)
        redis.signal(signal.SIGSTOP)
        await asyncio.sleep(0.6)
        redis.signal(signal.SIGCONT)
    await leaving


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_else_pays(begin: Begin, kind: str) -> None:
    """No process is lost, no fault is logged, every other answer is whole; afterwards nothing is
    counted as open, every slot and every limit is exact, the trail is whole, and no memory is kept
    of those who left or were refused."""
    house = begin(kind)
    gateway = house.gateway
    crowd = Leavers(gateway.port, house.keys, house.patient, random.Random(kind))
    if "hangs" in kind:
        asyncio.run(leave_while_it_hangs(crowd, house.redis))
    else:
        asyncio.run(crowd.run(TIMES, served=SERVED))
        warm_bytes = house.memory_bytes()
        asyncio.run(crowd.run(TIMES, served=SERVED))
        assert house.memory_bytes() < warm_bytes + MOST_GROWN_BYTES

    assert gateway.child.poll() is None
    assert {stage: crowd.outcomes[stage] for stage in STAGES if not crowd.outcomes[stage]} == {}
    broken = [outcome for outcome in crowd.outcomes if "broken" in outcome]
    assert not broken
    assert crowd.outcomes[WHOLE] >= SERVED
    for gauge in ("inflight_requests", "queued_requests", "shared_state_failing"):
        until(lambda line=f"\nmmhie_{gauge} 0.0\n": line in house.metrics())  # type: ignore[misc] # bound now
    house.engine.until(lambda stats: stats["running"] == 0)

    assert house.statuses_at_once(house.limited, 4) == [200] * 3 + [429]
    assert house.statuses_at_once(house.keys[1], SLOTS) == [200] * SLOTS
    # A Redis that a busy machine holds up is an error in the log, and none of the gateway.
    log = "\n".join(line for line in gateway.log.splitlines() if "the shared state" not in line)
    for words in ('"event":"fault"', "Exception in ASGI", "never retrieved", '"level":"error"'):
        assert words not in log, log[max(0, log.index(words) - 300) :][:1500]
    gateway.signal(signal.SIGTERM)
    assert gateway.exit_code() == 0
    assert not verify(house.trail, key=KEY).findings
