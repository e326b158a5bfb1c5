"""The connection pool: reuse, retries, the bytes of a request, and no leaks."""

import asyncio
from functools import partial

import pytest

from gateway.engine import client as pool
from gateway.engine.client import EngineClient, EngineRequest
from gateway.errors import EngineGarbled
from tests.gateway.peer import GET, OK, Line, Peer, always, fetch, meeting
from tests.waiting import eventually


async def echo(line: Line, all_asked: asyncio.Barrier | None = None) -> None:
    """Answer each request with its path, after all requests have arrived."""
    while True:
        body = (await line.request()).split(b" ")[1]
        if all_asked:
            await all_asked.wait()
        line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def test_each_of_many_at_once_gets_its_own_answer() -> None:
    """Fifty requests at once, twice: fifty connections, each time the right answers."""
    async with meeting(partial(echo, all_asked=asyncio.Barrier(50))) as (client, peer):
        for _ in range(2):
            paths = [f"/{number}" for number in range(50)]
            work = [fetch(client, EngineRequest("GET", path)) for path in paths]
            answers = await asyncio.gather(*work)
            assert answers == [(200, path.encode()) for path in paths]
        assert peer.lines == 50


async def test_what_is_sent() -> None:
    """Host, key, request id and a JSON body with its length; none of the caller's headers."""
    async with Peer(always(OK)) as peer:
        client = EngineClient(peer.url, key="secret")
        await fetch(client, EngineRequest("POST", "/p", b'{"a":1}', request_id="id-1", total_s=5))
        await fetch(client)
        await client.aclose()
    host = peer.url.removeprefix("http://").encode()
    posted, got = peer.requests
    assert posted == (
        b"POST /p HTTP/1.1\r\nx-request-id: id-1\r\ncontent-type: application/json\r\n"
        b"content-length: 7\r\nhost: " + host + b"\r\nauthorization: Bearer secret\r\n\r\n"
        b'{"a":1}'
    )
    assert got == b"GET /x HTTP/1.1\r\nhost: " + host + b"\r\nauthorization: Bearer secret\r\n\r\n"


async def test_a_connection_the_engine_closed_is_tried_once_more() -> None:
    """The engine closed it while it was idle."""
    async with meeting(always(OK, close=True)) as (client, peer):
        for _ in range(4):
            assert await fetch(client) == (200, b"ok")
            await eventually(lambda: peer.open == 0)
        assert peer.lines == 4


async def test_an_unfinished_answer_is_not_kept() -> None:
    """Its connection is closed, and the next caller gets a new one."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"
    async with meeting(always(answer)) as (client, peer):
        for number in (1, 2):
            response = await client.open(GET)
            response.close()
            await eventually(lambda: peer.open == 0)
            assert peer.lines == number


async def test_given_back_twice_it_still_serves_one_at_a_time() -> None:
    """Else two requests could share a connection, and one patient's answer reach another."""
    async with meeting(always(OK)) as (client, peer):
        response = await client.open(GET)
        await response.read_all()
        response.close()
        response.close()
        first, other = await client.open(GET), await client.open(GET)
        assert first._connection is not other._connection
        assert peer.lines == 2
        first.close()
        other.close()


async def test_a_closed_response_reads_nothing_of_the_next() -> None:
    """Reading a closed response gives its end."""
    async with meeting(always(OK)) as (client, _):
        old = await client.open(GET)
        await old.read_all()
        old.close()
        new = await client.open(GET)
        assert await old.read() == b""
        assert await new.read_all() == b"ok"
        new.close()


async def test_a_thousand_callers_who_leave_cost_nothing() -> None:
    """Cancelled at every stage, even while connecting: no socket, task or timer stays."""

    async def play(line: Line) -> None:
        while True:
            await line.request()
            await asyncio.sleep(0.002)
            line.say(OK)

    async with meeting(play) as (client, peer):
        for pause in range(100):
            work = [asyncio.create_task(fetch(client)) for _ in range(5)]
            await asyncio.sleep(pause / 20_000)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        assert await fetch(client) == (200, b"ok")
        await client.aclose()
        await eventually(lambda: peer.open == 0)
        assert len(asyncio.all_tasks()) == 1


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read up to the limit, and its connection is not reused."""
    async with meeting(always(OK)) as (client, _):
        response = await client.open(GET)
        monkeypatch.setattr(pool, "LARGEST_BYTES", 1)
        with pytest.raises(EngineGarbled):
            await response.read_all()
        monkeypatch.undo()
        response.close()
        assert await fetch(client) == (200, b"ok")
