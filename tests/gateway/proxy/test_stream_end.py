"""The end of a stream: what an engine says after it, and how its connection ends then."""

import pytest

from gateway.http import sse
from tests.gateway.proxy.relayed import Line, event, relayed

ANSWER = event("two ") + event("words") + event("", finish_reason="stop")
LATE = event(" and more")


def framed(*events: bytes) -> list[bytes]:
    """HTTP chunks of an engine, one for each."""
    return [b"%x\r\n%b\r\n" % (len(content), content) for content in events]


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(
    "rest", [(LATE,), (LATE + LATE, LATE), (sse.encode({"error": {"message": "late"}}),)]
)
async def test_nothing_is_said_after_the_end(rest: tuple[bytes, ...], *, short: bool) -> None:
    """The label with the digest has gone: what comes behind the terminator stays here, and makes
    no failure of a whole answer. In one read with the terminator, and in one of its own."""
    whole = await relayed([*framed(ANSWER, sse.DONE), b"0\r\n\r\n"], short=short)
    behind = await relayed([*framed(ANSWER, sse.DONE, *rest), b"0\r\n\r\n"], short=short)
    together = await relayed(framed(ANSWER + sse.DONE + b"".join(rest)), short=short)

    assert whole.body.endswith(sse.DONE)
    assert not whole.failure
    assert behind.seen() == together.seen() == whole.seen()


async def test_an_engine_that_dies_behind_the_end_fails_nothing() -> None:
    """The caller has the whole answer with its terminator, once."""
    cut = await relayed(framed(ANSWER, sse.DONE), short=True)

    assert not cut.failure
    assert cut.body.count(sse.DONE) == 1


async def test_text_behind_a_choices_end_is_a_fault() -> None:
    """Its label has the digest of less: the stream breaks off, and none of the text is sent."""
    outcome = await relayed(framed(ANSWER, LATE, sse.DONE), short=True)

    assert outcome.failure == "EngineGarbled"
    assert b"more" not in outcome.body


async def test_what_comes_behind_the_end_is_no_progress() -> None:
    """An engine that goes on for ever is given up on in time, as one that says nothing."""
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


async def test_text_of_a_choice_without_an_end_is_cut_off() -> None:
    """No label of another choice has its digest."""
    outcome = await relayed(framed(ANSWER, event("more", index=1), sse.DONE), short=True)

    assert outcome.failure == "EngineCut"
