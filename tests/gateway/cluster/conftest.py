"""A Redis for all tests, wiped for each; one of their own for those that break it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.cluster.redis_store import RedisAddress, RedisStore
from tests.gateway.cluster.server import RedisServer

BEAT_S = 0.1
StartRedis = Callable[..., RedisServer]


@pytest.fixture(scope="session")
def the_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis(the_redis: RedisServer) -> RedisServer:
    """The shared Redis, empty."""
    the_redis.ask("FLUSHALL")
    return the_redis


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Start one of one's own with command line options, ended at the end."""
    with ExitStack() as stack:

        def begin(*options: str) -> RedisServer:
            server = RedisServer(tmp_path, *options)
            stack.callback(server.kill)
            return server

        yield begin


class Running:
    """A store whose `run` runs, for as long as a block does."""

    def __init__(self, url: str, timeout_s: float = 60.0) -> None:
        self.store = RedisStore(RedisAddress(url), timeout_s=timeout_s, every_s=BEAT_S)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[RedisStore]:
        task = asyncio.create_task(self.store.run())
        try:
            await self.store.tried.wait()
            yield self.store
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
