"""The end of a stream: further events of the engine, and the end of its connection."""

import pytest

from gateway.http import sse
from tests.gateway.proxy.relayed import Line, event, relayed

ANSWER = event("two ") + event("words") + event("", finish_reason="stop")
LATE = event(" and more")


def framed(*events: bytes) -> list[bytes]:
    """Return one HTTP chunk for each event."""
    return [b"%x\r\n%b\r\n" % (len(content), content) for content in events]


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(
    "rest", [(LATE + LATE, LATE), (sse.encode({"error": {"message": "late"}}),)]
)
async def test_nothing_is_said_after_the_end(rest: tuple[bytes, ...], *, short: bool) -> None:
    """Events after the terminator are dropped, and are no failure: the label with the digest has
    been sent."""
    whole = await relayed([*framed(ANSWER, sse.DONE), b"0\r\n\r\n"], short=short)
    behind = await relayed([*framed(ANSWER, sse.DONE, *rest), b"0\r\n\r\n"], short=short)
    together = await relayed(framed(ANSWER + sse.DONE + b"".join(rest)), short=short)

    assert whole.body.endswith(sse.DONE)
    assert not whole.failure
    assert behind.seen() == together.seen() == whole.seen()


@pytest.mark.parametrize(
    ("events", "failure"),
    [
        ((ANSWER, sse.DONE), ""),  # the engine dies behind the end
        ((ANSWER, LATE, sse.DONE), "EngineGarbled"),  # text behind the choice's label
        ((ANSWER, *[event("", finish_reason="stop")] * 9, sse.DONE), "EngineGarbled"),  # ten ends
        ((ANSWER, event("more", index=1), sse.DONE), "EngineCut"),  # a choice without an end
    ],
)
async def test_an_end_that_is_none(events: tuple[bytes, ...], failure: str) -> None:
    """The caller has the whole answer and one terminator, or an error."""
    outcome = await relayed(framed(*events), short=True)

    assert outcome.failure == failure
    assert outcome.body.count(sse.DONE) == (not failure)
    assert LATE not in outcome.body


async def test_what_comes_behind_the_end_is_no_progress() -> None:
    """An engine that never stops sending runs into the idle timeout."""
    line = Line(short=True)
    await line.begin()
    connection = line._connection
    for read in framed(ANSWER, sse.DONE):
        await line.read(read, is_full=False)
    before = connection._active_at
    for read in framed(LATE, LATE):
        await line.read(read, is_full=False)

    assert connection._active_at == before
    await line.end()
