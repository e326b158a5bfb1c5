"""Server-sent events survive any cut, in both clients, by the decoder of httpx2."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence

import httpx2
import mmhie
import pytest
from mmhie import AnswerStream, AsyncAnswerStream, Delta, End

TEXT = "a\u2028b\u0085c\x0bd é 🩺"
FRAMES = (
    f'data: {{"delta":{json.dumps(TEXT, ensure_ascii=False)}}}\r\n\r\n: note\n\ndata: {{"delta":\r'
    'data:"two lines"}\r\rdata\n\ndata: {"finish_reason":\r\ndata: "stop"}\r\n\r\ndata: [DONE]\n\n'
)
END = b'data: {"finish_reason": "stop"}\n\ndata: [DONE]\n\n'


class Chunks(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A response body in these chunks."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


def response(chunks: Sequence[bytes], media: str = "text/event-stream") -> httpx2.Response:
    request = httpx2.Request("POST", "http://mmhie/llm/generate")
    return httpx2.Response(
        200, headers={"content-type": media}, stream=Chunks(chunks), request=request
    )


def texts(*chunks: bytes, media: str = "text/event-stream") -> list[str]:
    """The deltas that the sync stream makes of these chunks."""
    return checked(list(AnswerStream(response(chunks, media))))


async def async_texts(*chunks: bytes) -> list[str]:
    """The same of the async stream."""
    return checked([event async for event in AsyncAnswerStream(response(chunks))])


def checked(events: Sequence[mmhie.Event]) -> list[str]:
    assert isinstance(events[-1], End)
    return [event.text for event in events if isinstance(event, Delta)]


async def test_events_survive_a_cut_at_every_byte() -> None:
    """A cut inside a character, or between CR and LF, makes no difference; nor do cuts everywhere
    at once."""
    raw = FRAMES.encode()
    single = [bytes([byte]) for byte in raw]

    for chunks in (*((raw[:cut], raw[cut:]) for cut in range(len(raw) + 1)), single):
        assert texts(*chunks) == await async_texts(*chunks) == [TEXT, "two lines"]


def test_another_content_type_is_an_error() -> None:
    """A login page, for one."""
    with pytest.raises(mmhie.UnavailableError, match="MMHIE_URL"):
        texts(b"<html>", media="text/html")
