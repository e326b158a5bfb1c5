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
    "rest", [(LATE,), (LATE + LATE, LATE), (sse.encode({"error": {"message": "late"}}),)]
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


async def test_an_engine_that_dies_behind_the_end_fails_nothing() -> None:
    """The caller has the whole answer and one terminator."""
    cut = await relayed(framed(ANSWER, sse.DONE), short=True)

    assert not cut.failure
    assert cut.body.count(sse.DONE) == 1


async def test_text_behind_a_choices_end_is_a_fault() -> None:
    """Its label has been sent: the stream ends with an error, without the text."""
    outcome = await relayed(framed(ANSWER, LATE, sse.DONE), short=True)

    assert outcome.failure == "EngineGarbled"
    assert b"more" not in outcome.body


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


async def test_text_of_a_choice_without_an_end_is_cut_off() -> None:
    """A choice with text but without an end makes the answer incomplete."""
    outcome = await relayed(framed(ANSWER, event("more", index=1), sse.DONE), short=True)

    assert outcome.failure == "EngineCut"
