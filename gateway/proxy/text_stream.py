"""Streams of named events: their text without leaked Harmony, with the configured disclaimer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

from gateway.http import sse
from gateway.proxy.event_relay import EventRelay
from gateway.proxy.output_policy import PLAIN, ChoiceState, OutputPolicy
from gateway.runtime.json_types import Json
from gateway.safety import harmony, labels

MOST_WAITING = 64  # deltas, each of which may end as a marker begins


class TextForm(NamedTuple):
    """The place of the text in an API's delta events; `read` raises EngineGarbled."""

    read: Callable[[Json], str]
    write: Callable[[Json, str], Json]


@dataclass(frozen=True, slots=True)
class BufferedDelta:
    """A delta event, its text, and the part of the text that may be shown."""

    event: bytes
    body: Json
    raw: str
    shown: str


@dataclass(slots=True)
class TextStream:
    """The delta events of one text, each passed on once and in order.

    Events wait while their text ends like the beginning of a marker. The last one waits where more
    text may be added to it: the disclaimer, or text that looked like a Harmony header.
    """

    form: TextForm
    state: ChoiceState
    _guard: harmony.HarmonyGuard = field(default_factory=harmony.HarmonyGuard)
    _waiting: list[BufferedDelta] = field(default_factory=list)
    _is_open: bool = False

    @property
    def is_plain(self) -> bool:
        """True while a delta without `<` would pass as it is."""
        policy = self.state.policy
        is_open = self._is_open or not policy.around.opening
        return is_open and not (self._waiting or policy.around.closing) and self._guard.is_idle

    def feed(self, event: bytes, body: Json) -> bytes:
        """Return the bytes to send for a delta event, perhaps none yet; raise EngineGarbled."""
        raw = self.form.read(body)
        self._waiting.append(BufferedDelta(event, body, raw, self._guard.feed(raw)))
        if self._guard.is_undecided and len(self._waiting) < MOST_WAITING:
            return b""
        must_wait = not self._guard.is_idle or bool(self.state.policy.around.closing)
        last = len(self._waiting) - must_wait
        ready, self._waiting = self._waiting[:last], self._waiting[last:]
        return self._render(ready)

    def end(self) -> bytes:
        """Return the deltas that waited; the last one gets the rest of the text."""
        rest, is_marked = self._guard.finish()
        if is_marked:
            self.state.warn("harmony_markers_stripped")
        if not self._waiting:
            return b""
        *before, last = self._waiting
        self._waiting = []
        return self._render([*before, replace(last, shown=last.shown + rest)], is_end=True)

    def _render(self, deltas: list[BufferedDelta], *, is_end: bool = False) -> bytes:
        """Return the events; each has its own text if nothing was stripped from any of them."""
        raw = "".join(delta.raw for delta in deltas)
        is_same = raw == "".join(delta.shown for delta in deltas)
        cleaned = [delta.raw if is_same else delta.shown for delta in deltas]
        self.state.mac.update("".join(cleaned).encode(errors="surrogatepass"))
        self.state.has_text |= any(cleaned)
        texts = [self._open(text) for text in cleaned]
        if is_end and self._is_open:
            texts[-1] += self.state.policy.around.closing
        return b"".join(map(self._event, deltas, texts))

    def _open(self, text: str) -> str:
        """Return a piece of text; the first one follows the disclaimer."""
        if not text or self._is_open:
            return text
        self._is_open = True
        return self.state.policy.around.opening + text

    def _event(self, delta: BufferedDelta, text: str) -> bytes:
        if text == delta.raw:
            return delta.event
        body = self.form.write(delta.body, text)
        if (self._guard.found or delta.shown != delta.raw) and body.get("logprobs"):
            body["logprobs"] = []  # token by token, they would spell out the stripped text
        return sse.named(str(body.get("type")), body)


class NamedEventRelay(EventRelay):
    """The common part of the relays of named events.

    Every event is parsed, and known by its `type`, as by the callers: its name may be another.
    """

    form: ClassVar[TextForm]

    def __init__(self, initial: Json, *, key: bytes, policy: OutputPolicy = PLAIN) -> None:
        super().__init__(initial, key=key, policy=policy)
        self._state = ChoiceState(policy.digest(key), policy)
        self._text: TextStream | None = None
        self._place: object = None  # of the text in the answer

    def digests(self) -> list[str]:
        return [labels.format_digest(self._state.mac)] if self._state.has_text else []

    def _feed(self, event: bytes, body: Json, place: object) -> bytes:
        """Return the bytes to send for a piece of the text at this place; raise EngineGarbled."""
        text = self.form.read(body)
        is_plain = self._text.is_plain if self._text else not self._policy.surrounds
        if is_plain and "<" not in text:
            self._state.has_text |= bool(text)
            self._state.mac.update(text.encode())
            return event
        rest = self._end_text() if place != self._place else b""
        self._text, self._place = self._text or TextStream(self.form, self._state), place
        return rest + self._text.feed(event, body)

    def _end_text(self) -> bytes:
        """End the current text, and return its deltas that waited."""
        text, self._text, self._place = self._text, None, None
        return text.end() if text else b""
