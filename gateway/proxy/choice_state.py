"""What one choice of an answer has told so far, for its digest and its warnings."""

from dataclasses import dataclass, field
from hmac import HMAC
from typing import Any

from gateway.proxy import openai_json
from gateway.proxy.output_policy import PLAIN, OutputPolicy, with_content, without_tokens
from gateway.safety import harmony, provenance
from gateway.safety.reasoning import text_of


@dataclass(slots=True)
class ChoiceState:
    """A running digest of the text, and whether there was text, reasoning, a tool call."""

    mac: HMAC
    shape: OutputPolicy = PLAIN
    has_text: bool = False
    has_reasoning: bool = False
    has_tool_calls: bool = False
    warnings: list[str] = field(default_factory=list)
    _guard: harmony.HarmonyGuard = field(default_factory=harmony.HarmonyGuard)
    _is_open: bool = False
    _leaks: bool = False

    def pass_on(self, choice: dict[str, Any]) -> dict[str, Any]:
        """A choice as the caller gets it: the very same object where nothing has to change."""
        message = openai_json.message_of(choice)
        said = message.get("content") or ""
        is_last = bool(choice.get("finish_reason"))
        clean = self._clean(said, is_last=is_last)
        self.hear(message if clean == said else {**message, "content": clean})
        text = self._surrounded(clean, is_last=is_last)
        passed = choice if text == said else with_content(choice, text)
        if self._leaks and clean != said:
            passed = without_tokens(passed)
        return passed if self.shape.keeps_reasoning else self.shape.choice(passed)

    def _clean(self, said: str, *, is_last: bool) -> str:
        """The text without what leaked of Harmony; a clean delta costs one look for `<`."""
        if "<" not in said and self._guard.is_idle and not self._guard.found:
            return said
        shown = self._guard.feed(said) if said else ""
        if is_last:
            shown += self._guard.finish()[0]
        self._leaks = self._guard.found
        if is_last:
            self._guard = harmony.HarmonyGuard()
            if self._leaks:
                self._warn("harmony_markers_stripped")
        return shown

    def _surrounded(self, clean: str, *, is_last: bool) -> str:
        """The text with the disclaimer where it was asked for, if there is a text at all."""
        if clean and not self._is_open:
            self._is_open = True
            clean = self.shape.opening + clean
        if is_last and self._is_open:
            self._is_open = False
            clean += self.shape.closing
        return clean

    def clean_whole(self, text: str) -> str:
        """A text that came in one piece, without what leaked of Harmony."""
        shown, found = harmony.clean(text)
        if found:
            self._warn("harmony_markers_stripped")
        return shown

    @property
    def is_in_text(self) -> bool:
        """Whether more text would simply be more text: nothing is held back, nothing is due."""
        return self.has_text and self._guard.is_idle and not self._guard.found

    def hear_more(self, text: bytes) -> None:
        """Take in more text, as the engine wrote it, while `is_in_text`."""
        self.mac.update(text)

    def hear(self, message: dict[str, Any]) -> None:
        """Take in a message or a delta."""
        text = message.get("content")
        if isinstance(text, str) and text:
            self.mac.update(text.encode())
            self.has_text = True
        if text_of(message):
            self.has_reasoning = True
        if message.get("tool_calls"):
            self.has_tool_calls = True

    def final(self, finish_reason: str | None, *, fingerprint: str | None) -> dict[str, Any]:
        """The part of `mmhie` that is known at the end of the choice."""
        content = "text" if self.has_text or self.has_tool_calls else None
        reasoning = "reasoning" if self.has_reasoning else None
        problem = harmony.anomaly(
            content=content,
            reasoning=reasoning,
            has_tool_calls=self.has_tool_calls,
            completion_tokens=1,
        )
        if problem:
            self._warn(problem)
        if harmony.is_ended_early(finish_reason):
            self._warn("ended_early")
        return provenance.completion(
            truncated=harmony.truncation(finish_reason, content, reasoning),
            warnings=[*self.shape.warnings, *self.warnings],
            output_digest=provenance.format_digest(self.mac),
            system_fingerprint=fingerprint,
        )

    def _warn(self, kind: str) -> None:
        if kind not in self.warnings:
            self.warnings.append(kind)
