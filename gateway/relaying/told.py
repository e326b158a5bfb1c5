"""What one choice of an answer has told so far, for its digest and its warnings."""

from dataclasses import dataclass, field
from hmac import HMAC
from typing import Any

from gateway.safety import harmony, provenance
from gateway.safety.reasoning import text_of


@dataclass(slots=True)
class Told:
    """A running digest of the text, and whether there was text, reasoning, a tool call."""

    mac: HMAC
    has_text: bool = False
    has_reasoning: bool = False
    has_tool_calls: bool = False
    warnings: list[str] = field(default_factory=list)

    def hear(self, message: dict[str, Any], *, raw: bytes) -> None:
        """Take in a message or a delta; `raw` is the bytes it came in."""
        text = message.get("content")
        if isinstance(text, str) and text:
            self.mac.update(text.encode())
            self.has_text = True
            if b"<|" in raw and harmony.MARKER.search(text):
                self._warn("harmony_markers")
        if text_of(message):
            self.has_reasoning = True
        if message.get("tool_calls"):
            self.has_tool_calls = True

    def final(self, finish_reason: str | None, *, fingerprint: str | None) -> dict[str, Any]:
        """The part of `mmhie` that is known at the end of the choice."""
        content = "text" if self.has_text else None
        reasoning = "reasoning" if self.has_reasoning else None
        problem = harmony.anomaly(
            content=content,
            reasoning=reasoning,
            has_tool_calls=self.has_tool_calls,
            completion_tokens=1,
        )
        if problem:
            self._warn(problem)
        return provenance.final(
            truncated=harmony.truncation(finish_reason, content, reasoning),
            warnings=self.warnings,
            output_digest=provenance.label(self.mac),
            system_fingerprint=fingerprint,
        )

    def _warn(self, kind: str) -> None:
        if kind not in self.warnings:
            self.warnings.append(kind)
