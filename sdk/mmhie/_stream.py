"""An answer that is still being written."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mmhie._answer import Answer
from mmhie._errors import TransportError
from mmhie._events import End, Event
from mmhie._http import translated
from mmhie._reader import Reader

if TYPE_CHECKING:
    import httpx2


class AnswerStream:
    """Events of one answer; entering asks the question, leaving early cancels it.

    with llm.stream(prompt) as events:
        for event in events: ...
        events.answer
    """

    def __init__(self, ask: "Callable[[], httpx2.Response]") -> None:
        self._ask = ask
        self._response: httpx2.Response | None = None
        self._events: Iterator[Event] | None = None
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer | None:
        """The whole answer once the End event has been seen; None before."""
        return self._answer

    def close(self) -> None:
        """Hang up; the server then stops the engine's work on this answer."""
        if self._response is not None:
            self._response.close()

    def __enter__(self) -> Self:
        self._response = self._ask()
        self._events = self._read(self._response)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if self._events is None:
            raise RuntimeError("Enter the stream first: `with llm.stream(...) as events:`.")
        return next(self._events)

    def _read(self, response: "httpx2.Response") -> Iterator[Event]:
        reader = Reader(response.headers.get("x-request-id"))
        try:
            with translated(in_stream=True):
                for chunk in response.iter_bytes():
                    yield from reader.feed(chunk)
        except TransportError as error:
            error.request_id = reader.request_id
            if not reader.is_done:
                raise
        yield self._ended(reader.end())

    def _ended(self, end: End) -> End:
        self._answer = end.answer
        return end
