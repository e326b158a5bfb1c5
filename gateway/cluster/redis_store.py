"""One connection to Redis for all commands of a process, which it opens again when it is lost.

docs/decisions.md has the measurement against the pool of `redis.asyncio.Redis`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

from redis import exceptions
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

from gateway.cluster import RedisUnavailable
from gateway.runtime.futures import settle
from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings

Command = tuple[str | bytes | int, ...]
Reply = Any  # bytes, int, None, or a list of them, as the command has it
Send = Callable[[Sequence[Command]], Awaitable[list[Reply]]]

HEARTBEAT_S = 1.0
CONNECT_TIMEOUT_S = 1.0  # only the start waits for a connection
MAX_BATCH = 500
UNEXPECTED_REPLY = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

# The first matching row describes a failure; the library's own messages quote addresses and
# commands.
PROBLEMS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.TimeoutError, "does not answer in time"),
    (exceptions.AuthenticationError, "refuses the name or password in MMHIE_REDIS_URL"),
    (exceptions.NoPermissionError, "does not permit this account the commands that are needed"),
    (exceptions.BusyLoadingError, "is still loading its data"),
    (exceptions.ConnectionError, "cannot be reached"),
    (exceptions.ReadOnlyError, "takes no writes: it is a replica"),
    (exceptions.OutOfMemoryError, "is full"),
    (exceptions.RedisError, "answers with an error"),
    (OSError, "cannot be reached"),
)


class Heartbeat(Protocol):
    """Work over a connection when it is new (`fresh`) and every second after."""

    async def __call__(self, send: Send, *, fresh: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """The address of Redis, and the authority of its certificate. No message quotes the URL."""

    url: str
    ca: Path | None = None

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        url = settings.redis_url.get_secret_value() if settings.redis_url else ""
        if not url.startswith("unix://"):
            url = url.replace("unix:/", "unix:///", 1)
        return cls(url, settings.ca_file)

    def connection(self) -> AbstractConnection:
        """Return a connection, not yet open; raises OSError for an authority that is unreadable."""
        options: dict[str, Any] = {**parse_url(self.url)}
        kind = options.pop("connection_class", Connection)
        if self.ca is not None and self.url.lower().startswith("rediss:"):
            options["ssl_ca_certs"] = str(self.ca)
        # The library's timeouts are for each read; ours, in `bounded`, are for a whole batch.
        options |= {"socket_timeout": None, "socket_connect_timeout": None}
        connection: AbstractConnection = kind(**options, protocol=2, driver_info=None)
        return connection


class RedisStore:
    """Sends commands in batches, in order: those that arrive while a batch is on its way form the
    next one. `run` must be running."""

    def __init__(
        self, address: RedisAddress, *, timeout_s: float, every_s: float = HEARTBEAT_S
    ) -> None:
        self.timeout_s = timeout_s
        self.heartbeats: list[Heartbeat] = []
        self.is_up = False
        self.problem: str | None = None
        self.tried = asyncio.Event()
        self._address = address
        self._every_s = every_s
        self._is_connected = False  # also while the first heartbeats are on their way
        self._queue: list[tuple[Command, asyncio.Future[Reply]]] = []
        self._wake = asyncio.Event()
        self._has_logged_error = False

    async def ask(self, *command: str | bytes | int) -> Reply:
        """Return the reply; raise RedisUnavailable if the command or the batch before it takes
        longer than `timeout_s`, and at once while Redis is down."""
        if not self.is_up:
            raise RedisUnavailable
        return await self._enqueue(command)

    def send(self, *command: str | bytes | int, confirmed: Callable[[], object] = bool) -> None:
        """Send a command without waiting for its reply; it is dropped while Redis is down.
        `confirmed` is called once Redis has executed it."""
        if self._is_connected:
            reply = self._enqueue(command)
            reply.add_done_callback(lambda _: reply.exception() or confirmed())

    def _enqueue(self, command: Command) -> asyncio.Future[Reply]:
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._queue.append((command, reply))
        self._wake.set()
        return reply

    async def run(self) -> None:
        """Keep a connection; when it is lost, try a new one every second."""
        while True:
            try:
                async with connect(self._address) as connection:
                    await self._serve(connection)
            except RedisUnavailable as problem:
                self._set_down(str(problem))
            except UNEXPECTED_REPLY:  # the waiting requests must end
                log.error("a fault while talking to Redis", exc_info=True)
                self._set_down("was not understood")
            await asyncio.sleep(self._every_s)

    async def send_last(self, commands: Sequence[Command]) -> None:
        """Send commands after `run` has ended, over a new connection, if Redis was up."""
        if self.is_up:
            with contextlib.suppress(RedisUnavailable):
                await execute_once(self._address, self.timeout_s, commands)

    async def _serve(self, connection: AbstractConnection) -> None:
        loop = asyncio.get_running_loop()
        self._is_connected = True
        await self._beat(connection, CONNECT_TIMEOUT_S, fresh=True)
        self._set_up()
        next_beat = loop.time() + self._every_s
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_beat):
                    await self._wake.wait()
            if loop.time() >= next_beat:
                await self._beat(connection, self.timeout_s, fresh=False)
                next_beat = loop.time() + self._every_s
            await self._send_batch(connection)

    async def _beat(self, connection: AbstractConnection, timeout_s: float, *, fresh: bool) -> None:
        for heartbeat in self.heartbeats:
            await heartbeat(partial(execute, connection, timeout_s), fresh=fresh)

    async def _send_batch(self, connection: AbstractConnection) -> None:
        batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
        if not self._queue:
            self._wake.clear()
        if not batch:
            return
        try:
            replies = await exchange(connection, self.timeout_s, [command for command, _ in batch])
        except RedisUnavailable:
            self._queue = [*batch, *self._queue]  # refused with the rest
            raise
        for (_, waiting), reply in zip(batch, replies, strict=True):
            settle(waiting, reply)
            if isinstance(reply, RedisUnavailable) and not self._has_logged_error:
                self._has_logged_error = True
                log.error("a command to the shared state failed: Redis %s", reply)

    def _set_up(self) -> None:
        log.info("the shared state in Redis can be used")
        self.is_up, self.problem = True, None
        self._has_logged_error = False
        self.tried.set()

    def _set_down(self, problem: str) -> None:
        if problem != self.problem:
            log.error("the shared state cannot be used: Redis %s", problem)
        self.is_up = self._is_connected = False
        self.problem = problem
        self.tried.set()
        refused, self._queue = self._queue, []
        self._wake.clear()
        for _, waiting in refused:
            settle(waiting, RedisUnavailable(problem))


async def execute_once(
    address: RedisAddress, timeout_s: float, commands: Sequence[Command]
) -> list[Reply]:
    """Execute commands over a connection of their own; raises RedisUnavailable."""
    async with connect(address) as connection:
        return await execute(connection, timeout_s, commands)


async def execute(
    connection: AbstractConnection, timeout_s: float, commands: Sequence[Command]
) -> list[Reply]:
    """Execute commands in one pipeline; raises RedisUnavailable when any of them fails."""
    replies = await exchange(connection, timeout_s, commands)
    for reply in replies:
        if isinstance(reply, RedisUnavailable):
            raise reply
    return replies


async def exchange(
    connection: AbstractConnection, timeout_s: float, commands: Sequence[Command]
) -> list[Reply | RedisUnavailable]:
    """Execute commands in one pipeline, a failed one as its error; raises RedisUnavailable."""
    replies: list[Reply | RedisUnavailable] = []
    async with bounded(timeout_s):
        await connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            try:
                replies.append(await connection.read_response())
            except exceptions.ResponseError as error:
                replies.append(unavailable(error))
    return replies


@contextlib.asynccontextmanager
async def connect(address: RedisAddress) -> AsyncIterator[AbstractConnection]:
    """Open a connection and close it at the end; raises RedisUnavailable."""
    async with bounded(CONNECT_TIMEOUT_S):
        connection = address.connection()
        await connection.connect()  # type: ignore[no-untyped-call] # the library's
    try:
        yield connection
    finally:
        await connection.disconnect(nowait=True)


@contextlib.asynccontextmanager
async def bounded(seconds: float) -> AsyncIterator[None]:
    """Limit the time of a block; raise RedisUnavailable for errors of the library, too.

    The second half of the time begins when this process gets there: a reply that arrived while it
    was not scheduled is still read.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as limit:
            half = loop.call_later(seconds / 2, lambda: limit.reschedule(loop.time() + seconds / 2))
            try:
                yield
            finally:
                half.cancel()
    except TimeoutError:
        raise RedisUnavailable("does not answer in time") from None
    except (exceptions.RedisError, OSError) as error:
        raise unavailable(error) from None


def unavailable(error: Exception) -> RedisUnavailable:
    return RedisUnavailable(next(text for kind, text in PROBLEMS if isinstance(error, kind)))
