"""An answer that is still being written, for asyncio."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mmhie._answer import Answer
from mmhie._errors import TransportError
from mmhie._events import End, Event
from mmhie._http import translated
from mmhie._reader import Reader

if TYPE_CHECKING:
    import httpx2


class AsyncAnswerStream:
    """Events of one answer; entering asks the question, leaving early cancels it.

    async with llm.stream(prompt) as events:
        async for event in events: ...
        events.answer
    """

    def __init__(self, ask: "Callable[[], Awaitable[httpx2.Response]]") -> None:
        self._ask = ask
        self._response: httpx2.Response | None = None
        self._events: AsyncIterator[Event] | None = None
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer | None:
        """The whole answer once the End event has been seen; None before."""
        return self._answer

    async def aclose(self) -> None:
        """Hang up; the server then stops the engine's work on this answer."""
        if self._response is not None:
            await self._response.aclose()

    async def __aenter__(self) -> Self:
        self._response = await self._ask()
        self._events = self._read(self._response)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._events is None:
            raise RuntimeError("Enter the stream first: `async with llm.stream(...) as events:`.")
        return await anext(self._events)

    async def _read(self, response: "httpx2.Response") -> AsyncIterator[Event]:
        reader = Reader(response.headers.get("x-request-id"))
        try:
            with translated(in_stream=True):
                async for chunk in response.aiter_bytes():
                    for event in reader.feed(chunk):
                        yield event
        except TransportError as error:
            error.request_id = reader.request_id
            if not reader.is_done:
                raise
        yield self._ended(reader.end())

    def _ended(self, end: End) -> End:
        self._answer = end.answer
        return end
