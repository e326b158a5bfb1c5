"""Streams of named events: their text without leaked Harmony, with the configured disclaimer."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from gateway.http import sse
from gateway.proxy.event_relay import EventRelay
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.runtime.json_types import Json
from gateway.safety import labels


class TextForm(NamedTuple):
    """The place of the text in an API's delta events; `read` raises EngineGarbled."""

    read: Callable[[Json], str]
    write: Callable[[Json, str], Json]


class WaitingDelta(NamedTuple):
    """A delta event, its text, and the text for the caller."""

    event: bytes
    body: Json
    raw: str
    shown: str


class NamedEventRelay(EventRelay):
    """The common part of the relays of named events.

    Every event is parsed, and known by its `type`, as by the callers: its name may be another. The
    last delta of a text waits where more may be added to it: the disclaimer, or text that looked
    like a Harmony marker.
    """

    form: ClassVar[TextForm]

    def __init__(self, initial: Json, policy: OutputPolicy = PLAIN) -> None:
        super().__init__(initial, policy)
        self._state = ChoiceState(policy.digest(), policy)
        self._place: object = None  # of the text in the answer
        self._waiting: WaitingDelta | None = None

    def digests(self) -> list[str]:
        return [labels.format_digest(self._state.mac)] if self._state.has_text else []

    def _feed(self, event: bytes, body: Json, place: object) -> bytes:
        """Return the bytes to send for a piece of the text at this place; raise EngineGarbled."""
        text = self.form.read(body)
        if "<" not in text and self._waiting is None and self._state.passes_text:
            self._state.has_text |= bool(text)
            self._state.mac.update(text.encode())
            return event
        rest = self._end_text() if place != self._place else b""
        self._place = place
        shown: str = self._state.pass_on({"text": text})["text"]
        ready = rest + self._flush()
        self._waiting = WaitingDelta(event, body, text, shown)
        if self._state.may_add_text:
            return ready
        return ready + self._flush()

    def _end_text(self) -> bytes:
        """End the current text, and return the delta that waited, with the rest of the text."""
        if self._place is None:
            return b""
        self._place = None
        rest = self._state.pass_on({"text": "", "finish_reason": "stop"})["text"]
        return self._flush(rest)

    def _flush(self, rest: str = "") -> bytes:
        """Return the delta that waited, if any."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return b""
        _, body, raw, shown = waiting
        text = shown + rest
        if text == raw:
            return waiting.event
        changed = self.form.write(body, text)
        if raw not in text and body.get("logprobs"):
            changed["logprobs"] = []  # token by token, they would spell out the stripped text
        return sse.named(str(body.get("type")), changed)
