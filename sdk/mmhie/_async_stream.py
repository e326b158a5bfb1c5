"""Answers that are still being written, as typed events."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Self

from mmhie._answer import Event
from mmhie._async_io import Send, close_response
from mmhie._http import event_source
from mmhie._stream_reader import StreamReader

if TYPE_CHECKING:
    import httpx2

NOT_ENTERED = (
    "Enter the stream first: `with llm.stream(...) as events:`; under asyncio `async with`."
)


class AsyncAnswerStream(StreamReader):
    """Events of one answer: entering sends the request, leaving early cancels it."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send
        self._response: httpx2.Response | None = None
        self._events: AsyncIterator[Event] | None = None

    async def aclose(self) -> None:
        """Close the connection; the server then stops the engine's work on this answer.

        A thread that waits for the next event meanwhile gets an IncompleteAnswerError.
        """
        if self._response is not None:
            await close_response(self._response)

    async def __aenter__(self) -> Self:
        self._enter()
        self._response = await self._send()
        self._events = self._read(self._response)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._events is None:
            raise RuntimeError(NOT_ENTERED)
        return await anext(self._events)

    async def _read(self, response: "httpx2.Response") -> AsyncIterator[Event]:
        with self._reading(response.headers):
            async for event in event_source(response):
                for delta in self._feed(event.data):
                    yield delta
        yield self._end()
