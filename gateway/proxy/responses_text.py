"""One text of a Responses API stream: its deltas cleaned and surrounded, some of them late."""

from dataclasses import dataclass, field, replace
from typing import Any

from gateway.http import sse
from gateway.proxy import openai_json
from gateway.proxy.output_policy import OutputPolicy
from gateway.safety import harmony


@dataclass(frozen=True, slots=True)
class BufferedDelta:
    """A delta event, what it says, and what may be shown of that."""

    event: bytes
    body: dict[str, Any]
    said: str
    shown: str


@dataclass(slots=True)
class ResponsesTextStream:
    """The delta events of one text, each passed on once and in order.

    They wait while their end may be the beginning of a marker; the last one waits where it may
    still get text: the disclaimer's, or what looked like a header and was none.
    """

    shape: OutputPolicy
    _guard: harmony.HarmonyGuard = field(default_factory=harmony.HarmonyGuard)
    _waiting: list[BufferedDelta] = field(default_factory=list)
    _is_open: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether a delta without `<` would pass as it is."""
        is_open = self._is_open or not self.shape.opening
        return is_open and not (self._waiting or self.shape.closing) and self._guard.is_idle

    def feed(self, event: bytes, body: dict[str, Any]) -> bytes:
        """What to send for a delta event, perhaps nothing yet; raises EngineGarbled."""
        said = openai_json.text_in(body, "delta")
        self._waiting.append(BufferedDelta(event, body, said, self._guard.feed(said)))
        if self._guard.is_undecided:
            return b""
        last = len(self._waiting) - (not self._guard.is_idle or bool(self.shape.closing))
        ready, self._waiting = self._waiting[:last], self._waiting[last:]
        return self._written(ready)

    def end(self) -> bytes:
        """What still waits; the last of it with what belongs to the end of the text."""
        rest, _ = self._guard.finish()
        if not self._waiting:
            return b""
        *before, last = self._waiting
        self._waiting = []
        return self._written([*before, replace(last, shown=last.shown + rest)], is_end=True)

    def _written(self, spoken: list[BufferedDelta], *, is_end: bool = False) -> bytes:
        """Their own words where nothing of them was stripped: a `<` stays where it was."""
        said = "".join(one.said for one in spoken)
        is_same = said == "".join(one.shown for one in spoken)
        texts = [self._opened(one.said if is_same else one.shown) for one in spoken]
        if is_end and self._is_open:
            texts[-1] += self.shape.closing
        return b"".join(map(self._event, spoken, texts))

    def _opened(self, text: str) -> str:
        """The text, after the disclaimer where it is the first."""
        if not text or self._is_open:
            return text
        self._is_open = True
        return self.shape.opening + text

    def _event(self, spoken: BufferedDelta, text: str) -> bytes:
        if text == spoken.said:
            return spoken.event
        body = {**spoken.body, "delta": text}
        if self._guard.found and body.get("logprobs"):
            body["logprobs"] = []  # token by token, they would spell out what was stripped
        return sse.named(str(body.get("type")), body)
