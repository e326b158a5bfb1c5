"""The output policy of one caller, applied to the choices of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from gateway.engine import openai_json
from gateway.errors import EngineGarbled
from gateway.runtime.json_types import Json
from gateway.safety import harmony, labels, placement, reasoning
from gateway.safety.labels import Digest, Ending
from gateway.safety.reasoning import text_of
from gateway.safety.refusals import HEAD
from gateway.safety.transcript import Transcript
from gateway.settings.gateway import GatewaySettings

WENT_ON = "The engine went on after the end of an answer; try again."


@dataclass(frozen=True)
class OutputPolicy:
    """Changes to the engine's output for one caller; by default none.

    `opening` and `closing` go around the answer's text; `warnings` are known beforehand. `served`
    are the models that an answer may name. A `transcript` keeps the texts.
    """

    policy: reasoning.Policy = "pass"
    may_see: bool = False
    opening: str = ""
    closing: str = ""
    warnings: tuple[str, ...] = ()
    served: tuple[str, ...] = ()
    transcript: Transcript | None = None

    @cached_property
    def hides_reasoning(self) -> bool:
        return not reasoning.is_shown(self.policy, self.may_see)

    @property
    def surrounds(self) -> bool:
        """True where anything goes around the text."""
        return bool(self.opening or self.closing)

    def digest(self, key: bytes) -> Digest:
        """A digest for the text of an answer."""
        return labels.new_digest(key, self.transcript)

    def surround(self, text: str) -> str:
        """A whole text between opening and closing; what is empty stays empty."""
        return self.opening + text + self.closing if text else text


PLAIN = OutputPolicy()
shared = lru_cache(maxsize=256)(OutputPolicy)  # a gateway has a handful, and each looks twice


def policy_for(
    settings: GatewaySettings,
    request: Json,
    *,
    disclaimer: str,
    may_see: bool,
    warnings: tuple[str, ...],
    served: tuple[str, ...] = (),
) -> OutputPolicy:
    """Return the output policy for a request of a caller who may see reasoning, or not."""
    opening, closing = surrounded(request, disclaimer, settings.disclaimer_in_v1_text)
    return shared(settings.reasoning, may_see, opening, closing, warnings, served)


def surrounded(
    body: Mapping[str, object], disclaimer: str, wanted: placement.Placement
) -> tuple[str, str]:
    """Text before and after the answer's; none where a program reads the answer."""
    if wanted == "off":
        return "", ""
    where = placement.effective(wanted, body)
    return placement.opening(disclaimer, where), placement.closing(disclaimer, where)


def with_content(choice: Json, text: str) -> Json:
    """A choice with another text."""
    for part in ("delta", "message"):
        if isinstance(choice.get(part), dict):
            return {**choice, part: {**choice[part], "content": text}}
    return {**choice, "text": text}


def without_tokens(choice: Json) -> Json:
    """A choice without its per-token data, which would spell out what was stripped."""
    given = [name for name in reasoning.PER_TOKEN if choice.get(name) is not None]
    return {**choice, **dict.fromkeys(given)}


@dataclass(slots=True)
class ChoiceState:
    """A running digest of the text, its first words, and whether there was text, reasoning, a tool
    call."""

    mac: Digest
    policy: OutputPolicy = PLAIN
    beginning: str = ""  # of the first part of a text that came whole, or of a stream's first delta
    has_text: bool = False
    has_reasoning: bool = False
    has_tool_calls: bool = False
    has_ended: bool = False  # its label is made
    warnings: list[str] = field(default_factory=list)
    _guard: harmony.HarmonyGuard | None = None  # from a `<` on until that is decided
    _is_open: bool = False
    _leaks: bool = False

    def pass_on(self, choice: Json) -> Json:
        """A choice as the caller gets it: the very same object where nothing has to change."""
        message = openai_json.message_of(choice)
        content_text = message.get("content") or ""
        is_last = bool(choice.get("finish_reason"))
        clean = self._clean(content_text, is_last=is_last)
        self.hear(message if clean == content_text else {**message, "content": clean})
        text = self._surrounded(clean, is_last=is_last)
        passed = choice if text == content_text else with_content(choice, text)
        if self._leaks and clean != content_text:
            passed = without_tokens(passed)
        return reasoning.hide(passed) if self.policy.hides_reasoning else passed

    def _clean(self, content_text: str, *, is_last: bool) -> str:
        """The text without what leaked of Harmony; a clean delta costs one look for `<`."""
        if "<" not in content_text and self._guard is None:
            return content_text
        guard = self._guard or harmony.HarmonyGuard()
        shown = guard.feed(content_text) if content_text else ""
        if is_last:
            shown += guard.finish()[0]
        self._leaks = guard.found
        if is_last and self._leaks:
            self.warn("harmony_markers_stripped")
        is_over = is_last or (guard.is_idle and not self._leaks)
        self._guard = None if is_over else guard
        return shown

    def _surrounded(self, clean: str, *, is_last: bool) -> str:
        """The text with the disclaimer where it is configured, if there is a text at all."""
        if clean and not self._is_open:
            self._is_open = True
            clean = self.policy.opening + clean
        if is_last and self._is_open:
            self._is_open = False
            clean += self.policy.closing
        return clean

    def clean_whole(self, text: str) -> str:
        """A text that came in one piece, without what leaked of Harmony."""
        shown, is_marked = harmony.clean(text)
        if is_marked:
            self.warn("harmony_markers_stripped")
        return shown

    def hear_model(self, name: object) -> None:
        """Take in the model that the engine says has answered."""
        if labels.is_another_model(name, self.policy.served):
            self.warn(labels.OTHER_MODEL)

    @property
    def is_in_text(self) -> bool:
        """True while more text is only to be digested: nothing is held back, nothing is due."""
        return self.has_text and self._guard is None

    def hear(self, message: Json) -> None:
        """Take in a message or a delta."""
        text = message.get("content")
        if isinstance(text, str) and text:
            if self.has_ended:
                raise EngineGarbled(WENT_ON)
            self.mac.update(text.encode())
            self.beginning = self.beginning or text[:HEAD]
            self.has_text = True
        if not message.keys().isdisjoint(reasoning.NAMES) and text_of(message):
            self.has_reasoning = True
        if message.get("tool_calls"):
            self.has_tool_calls = True

    def final(self, finish_reason: str | None, *, fingerprint: str | None) -> Json:
        """The closing label of the choice."""
        ending = Ending(
            finish_reason,
            "text" if self.has_text or self.has_tool_calls else None,
            "reasoning" if self.has_reasoning else None,
            self.has_tool_calls,
        )
        self.has_ended = True
        return ending.label(
            [*self.policy.warnings, *self.warnings],
            digest=labels.format_digest(self.mac),
            fingerprint=fingerprint,
        )

    def warn(self, kind: str) -> None:
        """Note a warning, once."""
        if kind not in self.warnings:
            self.warnings.append(kind)
