"""One connection to Redis for everything a process shares, and what becomes of that without it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from redis import exceptions
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

from gateway.logs import log

Command = tuple[str | bytes | int, ...]
Send = Callable[[Sequence[Command]], Awaitable[list[Any]]]
Alarm = Callable[[bool], None]

BEAT_S = 1.0
CONNECT_S = 1.0  # nobody but the start waits for a connection
MOST_PER_BATCH = 500
STEPS = 4

# The first row that fits is what is said of a failure.
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.TimeoutError, "does not answer in time"),
    (exceptions.AuthenticationError, "refuses the name or password in MMHIE_REDIS_URL"),
    (exceptions.NoPermissionError, "does not let us do what we have to"),
    (exceptions.BusyLoadingError, "is still loading its data"),
    (exceptions.ConnectionError, "cannot be reached"),
    (exceptions.ReadOnlyError, "takes no writes: it is a replica"),
    (exceptions.OutOfMemoryError, "is full"),
    (exceptions.RedisError, "answers with an error"),
    (OSError, "cannot be reached"),
)


class RedisUnavailable(Exception):
    """Redis cannot be used now; the message ends a sentence that begins with its name."""


class Heartbeat(Protocol):
    """What is done over a connection when it is new (`fresh`) and every second after."""

    async def __call__(self, send: Send, *, fresh: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is, and the authority of its certificate. No message quotes the URL."""

    url: str
    ca: Path | None = None

    def connection(self) -> AbstractConnection:
        """A connection, not yet open; raises OSError for an authority that cannot be read."""
        told: dict[str, Any] = {**parse_url(self.url)}
        kind = told.pop("connection_class", Connection)
        if self.ca is not None:
            told["ssl_ca_certs"] = str(self.ca)
        # Time is bounded here, for a whole exchange; the library's own limits are for each read.
        made: AbstractConnection = kind(
            **told, protocol=2, driver_info=None, socket_timeout=None, socket_connect_timeout=None
        )
        return made


@dataclass(frozen=True, slots=True)
class Question:
    """A command that waits to be sent; without a future nobody waits for its answer."""

    command: Command
    deadline: float
    answer: asyncio.Future[Any] | None = None


class RedisStore:
    """Sends what has gathered while the last batch was on its way: one round trip for all of it,
    in the order of asking. `run` has to run."""

    def __init__(
        self, address: Address, *, patience_s: float, alarm: Alarm, every_s: float = BEAT_S
    ) -> None:
        self.patience_s = patience_s
        self.beats: list[Heartbeat] = []
        self.is_up = False
        self.problem: str | None = None
        self.tried = asyncio.Event()
        self._address = address
        self._alarm = alarm
        self._every_s = every_s
        self._queue: list[Question] = []
        self._wake = asyncio.Event()
        self._has_complained = False

    async def ask(self, *command: str | bytes | int) -> Any:
        """Return the answer; raises RedisUnavailable after `patience_s`, at once while away."""
        if not self.is_up:
            raise RedisUnavailable
        answer = asyncio.get_running_loop().create_future()
        self._put(command, answer)
        return await answer

    def tell(self, *command: str | bytes | int) -> None:
        """Send a command that nobody waits for; nothing while Redis is away."""
        if self.is_up:
            self._put(command, None)

    def _put(self, command: Command, answer: asyncio.Future[Any] | None) -> None:
        deadline = asyncio.get_running_loop().time() + self.patience_s
        self._queue.append(Question(command, deadline, answer))
        self._wake.set()

    async def run(self) -> None:
        """Keep a connection; when it is lost, look for a new one every second."""
        while True:
            try:
                async with opened(self._address) as connection:
                    await self._serve(connection)
            except RedisUnavailable as lost:
                self._fall(str(lost))
            except Exception:  # a fault of ours must not leave anybody waiting for an answer
                log.error("a fault while talking to Redis", exc_info=True)
                self._fall("was not understood")
            await asyncio.sleep(self._every_s)

    async def _serve(self, connection: AbstractConnection) -> None:
        loop = asyncio.get_running_loop()
        await self._beat(connection, fresh=True)
        self._rise()
        next_beat = loop.time() + self._every_s
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_beat):
                    await self._wake.wait()
            if loop.time() >= next_beat:
                await self._beat(connection, fresh=False)
                next_beat = loop.time() + self._every_s
            await self._send_batch(connection)

    async def _beat(self, connection: AbstractConnection, *, fresh: bool) -> None:
        patience_s = CONNECT_S if fresh else self.patience_s

        async def send(commands: Sequence[Command]) -> list[Any]:
            found = await exchange(connection, commands, patience_s)
            for one in found:
                if isinstance(one, Exception):
                    raise lost_by(one)
            return found

        for beat in self.beats:
            await beat(send, fresh=fresh)

    async def _send_batch(self, connection: AbstractConnection) -> None:
        batch, self._queue = self._queue[:MOST_PER_BATCH], self._queue[MOST_PER_BATCH:]
        if not self._queue:
            self._wake.clear()
        if not batch:
            return
        left_s = batch[0].deadline - asyncio.get_running_loop().time()
        left_s = max(left_s, self.patience_s / 2)  # the batch before may have taken all of it
        try:
            answers = await exchange(connection, [one.command for one in batch], left_s)
        except RedisUnavailable as lost:
            self._queue = [*batch, *self._queue]
            raise lost from None
        for question, answer in zip(batch, answers, strict=True):
            settle(question, answer)
            if isinstance(answer, Exception) and not self._has_complained:
                self._has_complained = True
                log.error("a request to the shared state failed: Redis %s", lost_by(answer))

    def _rise(self) -> None:
        log.info("the shared state in Redis can be used")
        self.is_up, self.problem = True, None
        self._has_complained = False
        self._alarm(False)
        self.tried.set()

    def _fall(self, reason: str) -> None:
        if reason != self.problem:
            log.error("the shared state cannot be used: Redis %s", reason)
        self.is_up, self.problem = False, reason
        self._alarm(True)
        self.tried.set()
        waiting, self._queue = self._queue, []
        self._wake.clear()
        for question in waiting:
            settle(question, RedisUnavailable(reason))


def settle(question: Question, answer: Any) -> None:
    """Give an answer to whoever still waits for it."""
    if question.answer is None or question.answer.done():
        return
    if isinstance(answer, Exception):
        question.answer.set_exception(
            answer if isinstance(answer, RedisUnavailable) else lost_by(answer)
        )
    else:
        question.answer.set_result(answer)


async def send_once(address: Address, commands: Sequence[Command], patience_s: float) -> list[Any]:
    """The answers to a few commands over a connection of their own; raises RedisUnavailable."""
    async with opened(address) as connection:
        answers = await exchange(connection, commands, patience_s)
    for answer in answers:
        if isinstance(answer, Exception):
            raise lost_by(answer)
    return answers


@contextlib.asynccontextmanager
async def opened(address: Address) -> AsyncIterator[AbstractConnection]:
    """A connection, closed at the end; raises RedisUnavailable."""
    async with bounded(CONNECT_S):
        connection = address.connection()
        await connection.connect()  # type: ignore[no-untyped-call] # the library's
    try:
        yield connection
    finally:
        await connection.disconnect(nowait=True)


async def exchange(
    connection: AbstractConnection, commands: Sequence[Command], seconds: float
) -> list[Any]:
    """Send commands in one pipeline, return answers and errors; raises RedisUnavailable."""
    async with bounded(seconds):
        await connection.send_packed_command(connection.pack_commands(commands))
        return [await answer_of(connection) for _ in commands]


class Clock:
    """Ends a wait in several steps. However long this process itself did not run, that is one
    step: the answer may be there already, and is looked for before the next."""

    def __init__(self, limit: asyncio.Timeout, seconds: float) -> None:
        self._limit = limit
        self._step_s = seconds / STEPS
        self._left = STEPS
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._step_s, self._step)

    def _step(self) -> None:
        self._left -= 1
        if self._left:
            self._timer = self._loop.call_later(self._step_s, self._step)
        else:
            self._limit.reschedule(self._loop.time())

    def stop(self) -> None:
        self._timer.cancel()


async def answer_of(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except exceptions.ResponseError as error:
        return error


@contextlib.asynccontextmanager
async def bounded(seconds: float) -> AsyncIterator[None]:
    """Foreign errors and too long a wait are RedisUnavailable."""
    try:
        async with asyncio.timeout(None) as limit:
            clock = Clock(limit, seconds)
            try:
                yield
            finally:
                clock.stop()
    except TimeoutError:
        raise RedisUnavailable("does not answer in time") from None
    except (exceptions.RedisError, OSError) as error:
        raise lost_by(error) from None


def lost_by(error: Exception) -> RedisUnavailable:
    """Messages of the library quote addresses and what it sent: ours are used."""
    return RedisUnavailable(next(said for kind, said in REASONS if isinstance(error, kind)))
