"""The state of one stream, without the I/O: server-sent events in, typed events out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmhie._answer import Answer, Delta, End, Event, Notice, ReasoningDelta
from mmhie._errors import MMHIEError, UnavailableError
from mmhie._http import stream_cut, translate_errors
from mmhie._response import answer_of, notices_of, parse_json, read_error
from mmhie._text import MedicalText

DONE = "[DONE]"
NO_OBJECT = "An event of the stream is not a JSON object; check MMHIE_URL."


class StreamReader:
    """The part of a stream that has been read.

    `notices` and `request_id` are known from the first event on, `answer` with the End event.
    """

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.notices: tuple[Notice, ...] = ()
        self.is_done = False
        self._headers: Mapping[str, str] = {}
        self._entered = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._last: dict[str, object] | None = None

    @property
    def request_id(self) -> str | None:
        """X-Request-Id, which is in the server's log, too."""
        return self._headers.get("x-request-id")

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

    def _enter(self) -> None:
        """Raise RuntimeError the second time: one answer's text would be added to another's."""
        if self._entered:
            raise RuntimeError("A stream is entered once; call `stream` again for another answer.")
        self._entered = True

    @contextmanager
    def _reading(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Translate errors of the connection; after [DONE] they no longer matter."""
        self._headers = headers
        try:
            with translate_errors(in_stream=True):
                yield
        except MMHIEError as error:
            error.request_id, error.notices = self.request_id, error.notices or self.notices
            if not self.is_done:
                raise

    def _feed(self, data: str) -> Iterator[Delta | ReasoningDelta]:
        """Yield the deltas of one server-sent event; raise an in-band error."""
        if not data:  # an event without data is none
            return
        if data == DONE:
            self.is_done = True
            return
        event = parse_json(data)
        if not isinstance(event, dict):
            raise UnavailableError(NO_OBJECT, code="bad_answer")
        if event.get("error") is not None:
            raise read_error(event["error"], self._headers)
        self.notices = notices_of(event) or self.notices
        if "finish_reason" in event:
            self._last = event
        yield from self._deltas(event)

    def _deltas(self, event: dict[str, object]) -> Iterator[Delta | ReasoningDelta]:
        reasoning, text = event.get("reasoning_delta"), event.get("delta")
        if isinstance(reasoning, str) and reasoning:
            self._reasoning.append(reasoning)
            yield ReasoningDelta(reasoning)
        if isinstance(text, str) and text:
            self._text.append(text)
            yield Delta(text)

    def _end(self) -> End:
        """Return the whole answer. Raises IncompleteAnswerError where the end did not come."""
        if self._last is None or not self.is_done:
            cut = stream_cut()
            cut.request_id, cut.notices = self.request_id, self.notices
            raise cut
        text, reasoning = "".join(self._text), "".join(self._reasoning) or None
        self.answer = answer_of(
            self._last, text=text, reasoning=reasoning, request_id=self.request_id
        )
        return End(self.answer)
