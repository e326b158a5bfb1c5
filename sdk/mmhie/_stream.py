# Generated from _async_stream.py (`make docs`): change that file.
"""Answers that are still being written, as typed events."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from mmhie._answer import Event
from mmhie._http import event_source
from mmhie._stream_reader import StreamReader
from mmhie._sync_io import Send, close_response

if TYPE_CHECKING:
    import httpx2

NOT_ENTERED = (
    "Enter the stream first: `with llm.stream(...) as events:`; under asyncio `async with`."
)


class AnswerStream(StreamReader):
    """Events of one answer: entering sends the request, leaving early cancels it."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send
        self._response: httpx2.Response | None = None
        self._events: Iterator[Event] | None = None

    def close(self) -> None:
        """Close the connection; the server then stops the engine's work on this answer.

        A thread that waits for the next event meanwhile gets an IncompleteAnswerError.
        """
        if self._response is not None:
            close_response(self._response)

    def __enter__(self) -> Self:
        self._enter()
        self._response = self._send()
        self._events = self._read(self._response)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if self._events is None:
            raise RuntimeError(NOT_ENTERED)
        return next(self._events)

    def _read(self, response: "httpx2.Response") -> Iterator[Event]:
        with self._reading(response.headers):
            for event in event_source(response):
                yield from self._feed(event.data)
        yield self._end()
