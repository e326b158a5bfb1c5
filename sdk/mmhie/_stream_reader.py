"""The state of one stream, without the I/O: server-sent events in, typed events out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmhie._answer import Answer, Delta, End, Event, Notice, ReasoningDelta
from mmhie._errors import MMHIEError
from mmhie._http import stream_cut, translate_errors
from mmhie._response import Json, answer_of, parse_event, read_error
from mmhie._text import MedicalText


class StreamReader:
    """The part of a stream that has been read.

    `notices` are known from the first event on, `answer` with the End event.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.answer: Answer | None = None
        self.notices: tuple[Notice, ...] = ()
        self.request_id = headers.get("x-request-id")
        self._headers = headers
        self._text = self._reasoning = ""
        self._last: Json | None = None

    def piece(self, event: Delta | End) -> MedicalText:
        """Return the answer's text in an event; the last piece is empty, with the whole answer."""
        if isinstance(event, End):
            return MedicalText("", event.answer)
        known = Answer(event.text, notices=self.notices, request_id=self.request_id)
        return MedicalText(event.text, known)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Translate errors, and give them the notices; after the answer they no longer matter."""
        try:
            with translate_errors(in_stream=True):
                yield
                if self.answer is None:
                    raise stream_cut()
        except MMHIEError as error:
            error.request_id, error.notices = self.request_id, error.notices or self.notices
            if self.answer is None:
                raise

    def _feed(self, data: str) -> Iterator[Event]:
        """Yield the events in the data of one server-sent event; raise an error that it reports."""
        if data == "[DONE]":
            yield self._end()
        elif data:
            yield from self._deltas(parse_event(data))

    def _deltas(self, event: Json) -> Iterator[Event]:
        if "error" in event:
            raise read_error(event["error"], self._headers)
        self.notices = tuple(event.get("notices") or self.notices)
        if "finish_reason" in event:
            self._last = event
        if reasoning := event.get("reasoning_delta"):
            self._reasoning += reasoning
            yield ReasoningDelta(reasoning)
        if text := event.get("delta"):
            self._text += text
            yield Delta(text)

    def _end(self) -> End:
        """Return the whole answer. Raises IncompleteAnswerError where its last event is missing."""
        if self._last is None:
            raise stream_cut()
        self.answer = answer_of(self._last, self._text, self._reasoning, self._headers)
        return End(self.answer)
