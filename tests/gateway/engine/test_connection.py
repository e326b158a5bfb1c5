"""One connection to the engine: every framing, every cut, invalid data, timeouts."""

import asyncio
from typing import Any

import pytest

from gateway.engine.client import EngineRequest
from gateway.engine.connection import HIGH_WATER_BYTES, PIECE_BYTES
from gateway.errors import EngineCut, EngineGarbled, EngineTimeout
from tests.gateway.peer import GET, OK, SSE_HEAD, Line, Play, always, chunk, fetch, meeting
from tests.waiting import LoopClock, eventually

COUNTED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = SSE_HEAD + chunk(b"hel") + chunk(b"lo") + b"0\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + COUNTED


def in_parts(*parts: bytes, close: bool = False, pause_s: float = 0.002) -> Play:
    """Return a script that sends each part in a segment of its own."""

    async def play(line: Line) -> None:
        await line.request()
        for part in parts:
            line.say(part)
            await asyncio.sleep(pause_s)
        if not close:
            await line.hung_up()

    return play


def limited(limit: str, seconds: float) -> EngineRequest:
    """Return a request with one of the two timeouts."""
    limits: dict[str, Any] = {limit: seconds}
    return EngineRequest("GET", "/x", **limits)


@pytest.mark.parametrize("answer", [COUNTED, CHUNKED, INTERIM])
async def test_cut_anywhere_is_an_error(answer: bytes) -> None:
    """A connection that ends at any byte gives EngineCut, never a short answer."""
    for cut in range(1, len(answer)):
        async with meeting(in_parts(answer[:cut], close=True, pause_s=0)) as (client, peer):
            with pytest.raises(EngineCut):
                await fetch(client)
            assert peer.lines == 1, "a request was sent again after a byte had come"


@pytest.mark.parametrize("answer", [UNTIL_CLOSE, COUNTED[:-2], SSE_HEAD + chunk(b"a")])
async def test_a_reset_is_no_end(answer: bytes) -> None:
    """A body until the close is complete after a close, but not after a reset."""

    async def play(line: Line) -> None:
        await line.request()
        line.say(answer)
        await asyncio.sleep(0.02)
        line.reset()

    async with meeting(play) as (client, _):
        response = await client.open(GET)
        await response.read()
        with pytest.raises(EngineCut):
            await response.read_all()
        response.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 Odd\r\ncontent-length: 1\r\n\r\nx" + COUNTED,
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        SSE_HEAD + b"3\r\nhello\r\n0\r\n\r\n",
        SSE_HEAD + b"1\r\na\r\n" * 20_000,  # each is a call of the parser's
        # A head over 64 KiB, whether it ends or not, in one read or many.
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000 + b"content-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 128 + COUNTED[17:],  # headers, each another call
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 8_000,
    ],
)
async def test_nonsense_is_garbled(answer: bytes) -> None:
    """Invalid HTTP and endless heads are an error at once."""
    async with meeting(in_parts(answer)) as (client, _), asyncio.timeout(60):
        with pytest.raises(EngineGarbled):
            await fetch(client)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200", SSE_HEAD, SSE_HEAD + b"5\r\nhe", COUNTED[:-1]]
)
@pytest.mark.parametrize("limit", ["idle_s", "total_s"])
async def test_silence_ends(answer: bytes, limit: str) -> None:
    """The timeout applies before the head, within it and in the body; then the connection is
    closed."""
    clock = LoopClock()
    async with meeting(in_parts(answer)) as (client, peer):
        fetching = asyncio.create_task(fetch(client, limited(limit, 1000)))
        await eventually(lambda: peer.requests)
        await clock.forward(900)
        assert not fetching.done()
        await clock.forward(1001)
        with pytest.raises(EngineTimeout):
            await fetching
        await eventually(lambda: peer.open == 0)


async def test_only_progress_is_no_silence() -> None:
    """Each progress that the reader marks restarts the idle timeout; bytes alone do not."""
    clock, drops = LoopClock(), asyncio.Semaphore(0)

    async def trickle(line: Line) -> None:
        await line.request()
        line.say(SSE_HEAD)
        while True:
            await drops.acquire()
            line.say(chunk(b"a"))

    async with meeting(trickle) as (client, _):
        response = await client.open(EngineRequest("GET", "/x", idle_s=100))
        for number in range(11):
            await clock.forward(60)
            drops.release()
            assert await response.read() == b"a"
            if number < 10:
                response.mark_progress()
        await clock.forward(60)
        with pytest.raises(EngineTimeout):
            await response.read()
        response.close()


async def test_a_slow_reader_stores_little_and_is_not_idle() -> None:
    """20 MB that nobody reads wait at the engine, for longer than the idle timeout."""
    size, sent, clock = 20 * 1024 * 1024, 0, LoopClock()

    async def play(line: Line) -> None:
        nonlocal sent
        await line.request()
        line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        line.writer.transport.set_write_buffer_limits(high=65536)
        while sent < size:
            line.say(b"x" * 65536)
            sent += 65536
            await line.writer.drain()
        await line.hung_up()

    async with meeting(play) as (client, _):
        response = await client.open(EngineRequest("GET", "/x", idle_s=100))
        connection = response._connection
        await eventually(lambda: connection._buffered > HIGH_WATER_BYTES)
        await clock.forward(300)
        early = sent
        assert connection._buffered <= HIGH_WATER_BYTES + 256 * 1024
        assert early < size / 2
        received, most = 0, 0
        while part := await response.read():
            received += len(part)
            most = max(most, connection._buffered + len(part))
            response.mark_progress()
            await asyncio.sleep(0)
        response.close()
        assert received == size
        assert most <= 2 * (HIGH_WATER_BYTES + 256 * 1024)


async def test_unasked_bytes_close_an_idle_connection() -> None:
    """Else they would be taken for the next caller's answer."""
    secret = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret"
    async with meeting(in_parts(OK, secret, pause_s=0.03)) as (client, peer):
        assert await fetch(client) == (200, b"ok")
        await eventually(lambda: peer.open == 0)
        assert await fetch(client) == (200, b"ok")
        assert peer.lines == 2


@pytest.mark.parametrize(
    "more", [b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret", b"GARBAGE", b"\x00", b"HTTP/"]
)
async def test_a_second_answer_in_the_same_bytes_reaches_nobody(more: bytes) -> None:
    """Bytes after a complete response are dropped together with the connection."""
    async with meeting(always(OK + more)) as (client, peer):
        for _ in range(3):
            assert await fetch(client) == (200, b"ok")
        assert peer.lines == 3


async def test_a_connection_with_an_unread_rest_serves_nobody_else() -> None:
    """Its reading is paused, so the next answer would never arrive."""
    rest = chunk(b"x" * 2 * HIGH_WATER_BYTES) + b"0\r\n\r\n"
    async with meeting(always(SSE_HEAD)) as (client, peer):
        for _ in range(2):
            response = await client.open(GET)
            response._connection.data_received(rest)  # in one read, which no socket promises
            assert len(await response.read()) == PIECE_BYTES
            response.close()
        assert peer.lines == 2
