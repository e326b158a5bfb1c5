"""Streams: deltas as they arrive, an end that can be trusted, a way to leave."""

import threading

import mmhie
import pytest
from mmhie import Delta, End

from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import LAST, NOTES, answer_stream, event, stream

DONE = b"data: [DONE]\n\n"
CANARY = "canary-7f3a"


def test_deltas_arrive_as_they_are_sent(serve: Serve, connect_both: Connect) -> None:
    """The second delta is sent only when the first has arrived; chunk_size cuts nothing."""
    first, second = event({"delta": "Long first piece. "}), event({"delta": "Second."})
    arrived = threading.Event()
    server = serve(stream(first, arrived, second, event(LAST), DONE))
    texts = []

    for text in connect_both(server.url).stream_generate("How?", chunk_size=1):
        texts.append(text)
        arrived.set()

    assert texts == ["Long first piece. ", "Second.", ""]


def test_events_are_typed_and_end_with_the_answer(serve: Serve, connect_both: Connect) -> None:
    """Reasoning apart from text, and everything that belongs to the answer in the last event."""
    thinking = event({"reasoning_delta": "Think."})
    server = serve(
        stream(thinking, event({"delta": "He"}), event({"delta": "y"}), event(LAST), DONE)
    )

    events = list(connect_both(server.url).events("How?", include_reasoning=True))

    assert events[:3] == [mmhie.ReasoningDelta("Think."), Delta("He"), Delta("y")]
    end = events[3]
    assert isinstance(end, End)
    assert (end.answer.text, end.answer.reasoning) == ("Hey", "Think.")
    assert end.answer.notices == tuple(NOTES["notices"])
    assert end.answer.provenance == NOTES["provenance"]
    assert end.answer.usage.total_tokens == 12


@pytest.mark.parametrize(
    ("parts", "cut"),
    [
        ([event({"delta": "Hi"}), DONE], False),
        ([event({"delta": "Hi"}), event(LAST)], False),
        ([event({"delta": "Hi"}), event(LAST)], True),
        ([], True),
        ([b'{"text": "not a stream"}'], False),
    ],
    ids=["no last event", "no [DONE]", "broken off", "broken off at once", "no stream"],
)
def test_a_cut_stream_never_looks_like_success(
    serve: Serve, connect_both: Connect, parts: list[bytes], cut: bool
) -> None:
    """Without the last event and [DONE] it raises, whether the connection broke or just ended."""
    server = serve(stream(*parts, cut=cut))

    with pytest.raises(mmhie.IncompleteAnswerError) as caught:
        list(connect_both(server.url).events(CANARY))

    assert caught.value.request_id == "req-1"
    assert CANARY not in str(caught.value)
    assert len(server.calls) == 1


@pytest.mark.parametrize("bad", [b"data: {\n\n", b"data: 1\n\n"])
def test_an_event_that_is_not_the_protocol_is_an_error(
    serve: Serve, connect: Connect, bad: bytes
) -> None:
    """Garbage is not skipped: a piece of the answer may be missing."""
    server = serve(stream(event({"delta": "Hi"}), bad, event(LAST), DONE))

    with pytest.raises(mmhie.UnavailableError):
        list(connect(server.url).events("How?"))


def test_silence_inside_a_stream_is_a_timeout(serve: Serve, connect_both: Connect) -> None:
    """The limit is on silence; the server sees us leave."""
    server = serve(stream(event({"delta": "Hi"}), then_wait=True))
    events = connect_both(server.url, timeout_seconds=4).events("How?")

    assert next(events) == Delta("Hi")
    with pytest.raises(TimeoutError):
        next(events)
    server.until_left()


@pytest.mark.parametrize("method", ["events", "stream_generate"])
def test_leaving_cancels(serve: Serve, connect_both: Connect, method: str) -> None:
    """The server sees the disconnect while the answer is still being written."""
    server = serve(stream(event({"delta": "Hi"}), then_wait=True))
    pieces = getattr(connect_both(server.url), method)("How?")

    next(pieces)
    pieces.close()
    server.until_left()


def test_a_finished_stream_gives_its_connection_back(serve: Serve, connect_both: Connect) -> None:
    """[DONE] is not the end of the body: it is read to its end and the connection used again."""
    server = serve(answer_stream("Hi"))
    client = connect_both(server.url)

    list(client.events("One?"))
    list(client.events("Two?"))

    assert server.calls[0].peer == server.calls[1].peer
    assert not server.calls[0].left.is_set()
