"""The stream of /llm/generate, from bytes to typed events, without any I/O."""

from collections.abc import Iterator

from mmhie._answer import Answer
from mmhie._errors import BadAnswerError, StreamCutError
from mmhie._events import Delta, End, ReasoningDelta
from mmhie._reply import answer_of, gateway_error, parsed
from mmhie._sse import Decoder

DONE = b"[DONE]"
CUT = "The stream stopped before its end; what arrived is not a complete answer."


class Reader:
    """Fed chunks as they arrive; `end` is asked once, when nothing more will come."""

    def __init__(self, request_id: str | None) -> None:
        self.request_id = request_id
        self.is_done = False
        self._decoder = Decoder()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._last: dict[str, object] | None = None

    def feed(self, chunk: bytes) -> Iterator[Delta | ReasoningDelta]:
        """Deltas of `chunk`, each before an error that follows it; raises an in-band error."""
        for data in self._decoder.feed(chunk):
            if data == DONE:
                self.is_done = True
            else:
                yield from self._event(data)

    def end(self) -> End:
        """The whole answer; StreamCutError without the last event or without [DONE]."""
        if self._last is None or not self.is_done:
            raise StreamCutError(CUT, request_id=self.request_id)
        return End(self._answer(self._last))

    def _event(self, data: bytes) -> Iterator[Delta | ReasoningDelta]:
        event = parsed(data)
        if not isinstance(event, dict):
            raise BadAnswerError("An event of the stream is not a JSON object.",
                                 request_id=self.request_id)  # fmt: skip
        if event.get("error") is not None:
            raise gateway_error(event["error"], request_id=self.request_id)
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

    def _answer(self, last: dict[str, object]) -> Answer:
        return answer_of(
            last,
            text="".join(self._text),
            reasoning="".join(self._reasoning) or None,
            request_id=self.request_id,
        )
