"""Answers that are still being written, as typed events."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from mmhie._answer import Answer, Delta, End, Event, Notice, ReasoningDelta
from mmhie._errors import BadAnswerError, MMHIEError, StreamCutError, TransportError
from mmhie._http import CUT, end_connection, event_source, translate_errors
from mmhie._response import answer_of, gateway_error, notices_of, parse_json
from mmhie._text import MedicalText

if TYPE_CHECKING:
    import httpx2

DONE = "[DONE]"


class _Reader:
    """The state of one stream, without the I/O: server-sent events in, typed events out.

    `notices` and `request_id` are known from the first event on, `answer` with the End event.
    """

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.request_id: str | None = None
        self.notices: tuple[Notice, ...] = ()
        self.is_done = False
        self._entered = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._last: dict[str, object] | None = None
        self._response: httpx2.Response | None = None

    def _begin(self) -> None:
        """Raise RuntimeError the second time: one answer's text would be added to another's."""
        if self._entered:
            raise RuntimeError("A stream is entered once; call `stream` again for another answer.")
        self._entered = True

    def _feed(self, data: str) -> Iterator[Delta | ReasoningDelta]:
        """Yield the deltas of one server-sent event; raise an in-band error."""
        if not data:  # an event without data is none
            return
        if data == DONE:
            self.is_done = True
            return
        event = parse_json(data)
        if not isinstance(event, dict):
            message = "An event of the stream is not a JSON object; check MMHIE_URL."
            raise BadAnswerError(message, request_id=self.request_id)
        if event.get("error") is not None:
            raise gateway_error(event["error"], request_id=self.request_id)
        self.notices = notices_of(event) or self.notices
        if "finish_reason" in event:
            self._last = event
        yield from self._deltas(event)

    def _end(self) -> End:
        """Return the whole answer. Raises StreamCutError without the last event or [DONE]."""
        if self._last is None or not self.is_done:
            cut = StreamCutError(CUT, request_id=self.request_id)
            cut.notices = self.notices
            raise cut
        text, reasoning = "".join(self._text), "".join(self._reasoning) or None
        self.answer = answer_of(
            self._last, text=text, reasoning=reasoning, request_id=self.request_id
        )
        return End(self.answer)

    def piece(self, event: Event) -> MedicalText | None:
        """Return the answer's text in an event; None for reasoning.

        The last piece is empty and has the whole answer.
        """
        if isinstance(event, End):
            return MedicalText("", event.answer)
        if isinstance(event, ReasoningDelta):
            return None
        known = Answer(event.text, notices=self.notices, request_id=self.request_id)
        return MedicalText(event.text, known)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Translate errors of the connection; after [DONE] they no longer matter."""
        try:
            with translate_errors(in_stream=True):
                yield
        except TransportError as error:
            error.request_id, error.notices = self.request_id, self.notices
            if not self.is_done:
                raise
        except MMHIEError as error:
            error.notices = error.notices or self.notices
            raise

    def _deltas(self, event: dict[str, object]) -> Iterator[Delta | ReasoningDelta]:
        reasoning, text = event.get("reasoning_delta"), event.get("delta")
        if isinstance(reasoning, str) and reasoning:
            self._reasoning.append(reasoning)
            yield ReasoningDelta(reasoning)
        if isinstance(text, str) and text:
            self._text.append(text)
            yield Delta(text)


class AnswerStream(_Reader):
    """Events of one answer; entering sends the request, leaving early cancels it.

    with llm.stream(prompt) as events:
        for event in events: ...
        events.answer
    """

    def __init__(self, send: "Callable[[], httpx2.Response]") -> None:
        super().__init__()
        self._send = send
        self._events: Iterator[Event] | None = None

    def close(self) -> None:
        """Close the connection; the server then stops the engine's work on this answer.

        A thread that waits for the next event meanwhile gets a StreamCutError.
        """
        if self._response is not None:
            if not self._response.is_closed:  # else it is the next request's already
                end_connection(self._response)
            self._response.close()

    def __enter__(self) -> Self:
        self._begin()
        self._response = self._send()
        self._events = self._read(self._response)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if self._events is None:
            raise RuntimeError("Enter the stream first: `with llm.stream(...) as events:`.")
        return next(self._events)

    def _read(self, response: "httpx2.Response") -> Iterator[Event]:
        self.request_id = response.headers.get("x-request-id")
        with self._reading():
            for event in event_source(response):
                yield from self._feed(event.data)
        yield self._end()


class AsyncAnswerStream(_Reader):
    """Events of one answer, for asyncio; entering sends the request, leaving early cancels it.

    async with llm.stream(prompt) as events:
        async for event in events: ...
        events.answer
    """

    def __init__(self, send: "Callable[[], Awaitable[httpx2.Response]]") -> None:
        super().__init__()
        self._send = send
        self._events: AsyncIterator[Event] | None = None

    async def aclose(self) -> None:
        """Close the connection; the server then stops the engine's work on this answer."""
        if self._response is not None:
            await self._response.aclose()

    async def __aenter__(self) -> Self:
        self._begin()
        self._response = await self._send()
        self._events = self._read(self._response)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._events is None:
            raise RuntimeError("Enter the stream first: `async with llm.stream(...) as events:`.")
        return await anext(self._events)

    async def _read(self, response: "httpx2.Response") -> AsyncIterator[Event]:
        self.request_id = response.headers.get("x-request-id")
        with self._reading():
            async for event in event_source(response):
                for delta in self._feed(event.data):
                    yield delta
        yield self._end()
