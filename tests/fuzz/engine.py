"""Output of engines: HTTP, events, JSON, errors, text."""

import asyncio
import atexit
from collections.abc import Awaitable, Callable, Iterator

import orjson

from gateway.engine.connection import Connection, ConnectionDiedError
from gateway.engine.errors import translate, translate_event
from gateway.errors import EngineGarbled, GatewayError
from gateway.generate.stream_reader import AnswerReader
from gateway.http import sse
from gateway.proxy import json_response
from gateway.proxy.chunks import ChunkRelay
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.proxy.response_events import ResponseEventRelay
from gateway.runtime.heavy_work import HeavyWork
from gateway.safety.labels import format_digest, keyed_digest, new_digest
from gateway.safety.placement import Surroundings
from tests.fuzz.seeds import SECRET

KEY = b"k"
FIRST = {"disclaimer": {"text": "Not advice."}, "notices": [], "provenance": {"request_id": "id-1"}}
SHAPES = (
    PLAIN,
    OutputPolicy(hides_reasoning=True),
    OutputPolicy(around=Surroundings("Not advice.\n\n", "\n\nNot advice.")),
)
READ_BYTES = 512  # may be nothing but empty events, unlike larger reads
HEAVY = HeavyWork()
LOOP = asyncio.new_event_loop()
atexit.register(LOOP.close)


def cut(data: bytes) -> Iterator[bytes]:
    """The bytes in pieces, whose sizes the first byte decides."""
    if not data:
        return
    size = data[0] % 23 + 1
    for start in range(1, len(data), size):
        yield data[start : start + size]


def relayed(data: bytes, relay: ChunkRelay | ResponseEventRelay) -> None:
    """Relay the bytes: the result is events again, or one of our errors, which fits into the
    stream."""
    buffer, out = sse.EventBuffer(), b""
    try:
        for event in buffer.feed(data):
            out += relay.relay(event)
    except GatewayError as error:
        out += relay.render(error)
    assert SECRET.encode() not in out or SECRET.encode() in data
    again = sse.EventBuffer()
    for start in range(0, len(out), READ_BYTES):
        for event in again.feed(out[start : start + READ_BYTES]):
            sse.payload(event)


def shape_of(data: bytes) -> OutputPolicy:
    return SHAPES[data[0] % len(SHAPES)] if data else PLAIN


def chunks(data: bytes) -> None:
    """Streams of chat and text completions."""
    took = bool(data and data[0] & 4)
    relay = ChunkRelay(FIRST, took_usage=took, policy=shape_of(data))
    relayed(data[1:], relay)


def response_events(data: bytes) -> None:
    """Streams of the Responses API."""
    relayed(data[1:], ResponseEventRelay(FIRST, shape_of(data)))


def answers(data: bytes) -> None:
    """Answers in one piece: labelled JSON, or an error."""
    path = ("/v1/chat/completions", "/v1/completions", "/v1/responses")[(data or b"\0")[0] // 8 % 3]
    try:
        body, final, _ = json_response.label(data[1:], FIRST, path=path, policy=shape_of(data))
    except EngineGarbled:
        return
    assert orjson.loads(body)["mmhie"]["disclaimer"] == FIRST["disclaimer"]
    orjson.dumps(final)


class Scripted:
    """An engine's response that is these parts."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    async def read(self) -> bytes:
        return next(self._parts, b"")

    def mark_progress(self) -> None:
        """Nobody counts the silence here."""

    def expect_end(self) -> None:
        """Nor is there a connection to keep."""


def reading(data: bytes) -> None:
    """/llm/generate's reading of a stream: deltas, or an error."""

    async def read() -> None:
        state = ChoiceState(new_digest(KEY))
        reader = AnswerReader(Scripted(cut(data)), state=state, answer_budget=5, heavy=HEAVY)  # type: ignore[arg-type] # a fake
        try:
            texts = [delta.text async for delta in reader.deltas()]
        except GatewayError:
            return
        assert format_digest(state.mac) == keyed_digest(KEY, "".join(texts))

    LOOP.run_until_complete(read())


def refusals(data: bytes) -> None:
    """An engine's error body of any status: one of ours, which quotes nothing of the request."""
    status = 300 + (data or b"\0")[0] * 2
    for error in (
        translate(status, data[1:]),
        translate_event(data[1:]),
        translate(400, orjson.dumps({"error": {"message": quote(data)}})),
    ):
        assert SECRET.encode() not in error.body()
        assert error.status >= 400


def quote(data: bytes) -> str:
    """A message that quotes the request."""
    before, _, after = data.decode(errors="replace").partition(" ")
    return before + SECRET + after


class Wire(asyncio.Transport):
    """A socket that is read by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.is_paused = self.is_gone = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Away with it."""

    def abort(self) -> None:
        self.is_gone = True

    def is_closing(self) -> bool:
        return self.is_gone

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


async def read(connection: Connection) -> bytes:
    """A body part by part."""
    parts = []
    while part := await connection.read():
        parts.append(part)
    return b"".join(parts)


async def forward(connection: Connection) -> bytes:
    """A body as it comes, to somebody who is quick."""
    parts: list[bytes] = []
    await connection.forward(parts.append)
    return b"".join(parts)


async def forward_slowly(connection: Connection) -> bytes:
    """A body as it comes, to somebody who takes a moment for each part."""
    parts: list[bytes] = []

    def take(part: bytes) -> Awaitable[None]:
        parts.append(part)
        return asyncio.sleep(0)

    await connection.forward(take)
    return b"".join(parts)


Way = Callable[[Connection], Awaitable[bytes]]


async def exchange(pieces: Iterator[bytes], way: Way) -> bytes | Exception:
    """Return the bytes that a caller of the connection gets."""
    connection, wire = Connection(LOOP), Wire()
    connection.connection_made(wire)

    async def ask() -> bytes:
        await connection.send(b"GET / HTTP/1.1\r\n\r\n", idle_s=None, until=None)
        return await way(connection)

    asking = LOOP.create_task(ask())
    await asyncio.sleep(0)
    for piece in pieces:
        if wire.is_gone:
            break
        connection.data_received(piece)
        await asyncio.sleep(0)
    connection.connection_lost(None)
    for _ in range(12):
        await asyncio.sleep(0)
    assert asking.done(), "the caller waits for ever"
    problem = asking.exception()
    assert problem is None or isinstance(problem, GatewayError | ConnectionDiedError), problem
    return problem if isinstance(problem, Exception) else asking.result()


WAYS: tuple[Way, ...] = (read, forward, forward_slowly)


def http(data: bytes) -> None:
    """Any bytes, in any pieces, are an answer or one of our errors, and never a wait without end;
    neither where they are cut nor how they are taken makes a difference to what is answered."""
    outcomes = [LOOP.run_until_complete(exchange(cut(data), way)) for way in WAYS]
    outcomes.append(LOOP.run_until_complete(exchange(iter(filter(None, [data[1:]])), read)))
    assert len({answer for answer in outcomes if isinstance(answer, bytes)}) <= 1


ENGINE = {
    "chunks": chunks,
    "response_events": response_events,
    "answers": answers,
    "reading": reading,
    "refusals": refusals,
    "http": http,
}
