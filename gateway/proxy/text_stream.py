"""The delta events of a text: cleaned of leaked Harmony, with the disclaimer where configured."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gateway.http import sse
from gateway.proxy.output_policy import OutputPolicy
from gateway.runtime.json_types import Json
from gateway.safety import harmony
from gateway.safety.labels import Digest

MOST_WAITING = 64  # deltas, each of which may end as a marker begins


class TextForm(NamedTuple):
    """Place of the text in the delta events of an API; `read` raises EngineGarbled."""

    read: Callable[[Json], str]
    write: Callable[[Json, str], Json]


@dataclass(frozen=True, slots=True)
class BufferedDelta:
    """A delta event, what it says, and what may be shown of that."""

    event: bytes
    body: Json
    raw: str
    shown: str


@dataclass(slots=True)
class TextStream:
    """The delta events of one text, each passed on once and in order.

    They wait while their end may be the beginning of a marker; the last one waits where it may
    still get text: the disclaimer's, or what looked like a header and was none.
    """

    form: TextForm
    policy: OutputPolicy
    mac: Digest
    has_text: bool = False
    _guard: harmony.HarmonyGuard = field(default_factory=harmony.HarmonyGuard)
    _waiting: list[BufferedDelta] = field(default_factory=list)
    _is_open: bool = False

    @property
    def is_plain(self) -> bool:
        """True while a delta without `<` would pass as it is."""
        is_open = self._is_open or not self.policy.opening
        return is_open and not (self._waiting or self.policy.closing) and self._guard.is_idle

    @property
    def was_stripped(self) -> bool:
        """True once a control marker was found."""
        return self._guard.found

    def feed(self, event: bytes, body: Json) -> bytes:
        """Return what to send for a delta event, perhaps nothing yet; raises EngineGarbled."""
        raw = self.form.read(body)
        self._waiting.append(BufferedDelta(event, body, raw, self._guard.feed(raw)))
        if self._guard.is_undecided and len(self._waiting) < MOST_WAITING:
            return b""
        last = len(self._waiting) - (not self._guard.is_idle or bool(self.policy.closing))
        ready, self._waiting = self._waiting[:last], self._waiting[last:]
        return self._written(ready)

    def end(self) -> bytes:
        """The deltas still held back; the last of them with what belongs to the end of the text."""
        rest, _ = self._guard.finish()
        if not self._waiting:
            return b""
        *before, last = self._waiting
        self._waiting = []
        return self._written([*before, replace(last, shown=last.shown + rest)], is_end=True)

    def _written(self, deltas: list[BufferedDelta], *, is_end: bool = False) -> bytes:
        """Their own words where nothing of them was stripped: a `<` stays where it was."""
        raw = "".join(delta.raw for delta in deltas)
        is_same = raw == "".join(delta.shown for delta in deltas)
        cleaned = [delta.raw if is_same else delta.shown for delta in deltas]
        self.mac.update("".join(cleaned).encode(errors="surrogatepass"))
        self.has_text |= any(cleaned)
        texts = [self._opened(text) for text in cleaned]
        if is_end and self._is_open:
            texts[-1] += self.policy.closing
        return b"".join(map(self._event, deltas, texts))

    def _opened(self, text: str) -> str:
        """The text, after the disclaimer where it is the first."""
        if not text or self._is_open:
            return text
        self._is_open = True
        return self.policy.opening + text

    def _event(self, delta: BufferedDelta, text: str) -> bytes:
        if text == delta.raw:
            return delta.event
        body = self.form.write(delta.body, text)
        if (self._guard.found or delta.shown != delta.raw) and body.get("logprobs"):
            body["logprobs"] = []  # token by token, they would spell out what was stripped
        return sse.named(str(body.get("type")), body)
