"""Memory under the heaviest requests and answers: bounded by the budget, whoever asks for what."""

import asyncio
from pathlib import Path

import pytest

from gateway.api.json_structure import MOST_CONTAINERS, MOST_VALUES
from tests.contract.fixtures import Start
from tests.contract.process import Gateway
from tests.faults import heavy
from tests.gateway.peer import SSE_HEAD, Line, chunk

pytestmark = pytest.mark.slow

MANY = 80
MIB = 1024 * 1024
BUDGET_BYTES = 128 * MIB
OVER_BYTES = 96 * MIB  # the allocator's waste, sockets, one document being joined or parsed
# As many of each as a request may hold.
SHAPES = {
    "lists": (b"[]", MOST_CONTAINERS - 10),
    "objects": (b'{"": 0}', MOST_CONTAINERS - 10),
    "texts": ('"\N{GRINNING FACE}"'.encode(), MOST_VALUES - 10),
}


async def begun(start: Start, url: str) -> tuple[Gateway, int]:
    """Start a gateway; return it and the memory it has before the first request."""
    settings = {"MMHIE_MAX_MEMORY": str(BUDGET_BYTES), "MMHIE_TIMEOUT_SECONDS": "120"}
    gateway = await asyncio.to_thread(lambda: start(url, **settings).wait())
    Path(f"/proc/{gateway.child.pid}/clear_refs").write_text("5")
    return gateway, heavy.peak_bytes(gateway.child.pid)


def codes(responses: list[bytes]) -> set[bytes]:
    """The statuses there were; a refusal is 503 `too_busy` and says when to come again."""
    for response in responses:
        if not response.startswith(b"HTTP/1.1 200"):
            assert response.startswith(b"HTTP/1.1 503"), response[:500]
            assert b'"code":"too_busy"' in response, response[-500:]
            assert b"retry-after: 2" in response
    return {response[9:12] for response in responses}


@pytest.mark.parametrize("shape", SHAPES)
async def test_bodies_that_python_makes_large(start: Start, shape: str) -> None:
    """Of eighty bodies of 2 MB, open together, as many are taken as fit the budget; the others are
    refused, and afterwards there is room again."""
    body, enough, settled = heavy.body_of(*SHAPES[shape]), asyncio.Event(), asyncio.Semaphore(0)

    async def wait(line: Line) -> None:
        settled.release()
        await enough.wait()
        line.say(heavy.reply(heavy.whole_answer(100)))

    async def ask() -> bytes:
        response = await heavy.answered(gateway, body)
        settled.release()
        return response

    async with heavy.engine(wait) as peer:
        gateway, before = await begun(start, peer.url)
        asking = []
        for _ in range(MANY):  # one after the other: a loop that is busy reaches no engine
            asking.append(asyncio.create_task(ask()))
            await settled.acquire()
        enough.set()
        responses = await asyncio.gather(*asking)
        later = await heavy.answered(gateway, body)
        grown = heavy.peak_bytes(gateway.child.pid) - before

    assert codes(responses) == {b"200", b"503"}
    assert codes([later]) == {b"200"}
    assert grown < BUDGET_BYTES + OVER_BYTES


async def test_answers_of_four_megabytes(start: Start) -> None:
    """Thirty callers who read nothing of theirs: what fits is held for them, the rest refused."""
    answer = heavy.reply(heavy.whole_answer(4 * 10**6))

    async def say(line: Line) -> None:
        line.say(answer)
        await line.writer.drain()

    async with heavy.engine(say) as peer:
        gateway, before = await begun(start, peer.url)
        body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
        responses = await asyncio.gather(*(heavy.answered(gateway, body) for _ in range(30)))
        grown = heavy.peak_bytes(gateway.child.pid) - before

    assert codes(responses) == {b"200", b"503"}
    assert grown < BUDGET_BYTES + OVER_BYTES


# Of nothing but empty lists, just below the largest event: parsed it would take 280 MB.
LISTS = b'data: {"choices":[],"filler":[' + b",".join([b"[]"] * 1_350_000) + b"]}\n\n"


async def test_events_that_python_makes_large(start: Start) -> None:
    """An event that does not fit the budget once it is parsed is refused before it is."""

    async def say(line: Line) -> None:
        line.say(SSE_HEAD + chunk(LISTS))
        await line.writer.drain()

    async with heavy.engine(say) as peer:
        gateway, before = await begun(start, peer.url)
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
        responses = await asyncio.gather(*(heavy.answered(gateway, body) for _ in range(6)))
        grown = heavy.peak_bytes(gateway.child.pid) - before

    assert codes(responses) == {b"503"}
    assert grown < BUDGET_BYTES
