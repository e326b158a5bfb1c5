"""The label of an answer in its two halves: known before the answer, and at its end."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway.runtime.json_types import Json
from gateway.runtime.timestamps import rfc3339
from gateway.safety import provenance
from gateway.safety.disclaimer import Disclaimer

Truncation = Literal["in_reasoning", "in_answer", "input"]
Anomaly = Literal["reasoning_only", "empty_answer", "nothing_generated"]

CUT_REASONS = ("length", "max_output_tokens")
# Finish reasons of a complete answer, in all three APIs; vLLM's others are abort, error and
# repetition, and a router may send content_filter.
WHOLE_REASONS = ("stop", "tool_calls", "function_call", "completed")


class RequestFacts(NamedTuple):
    """The facts of a request that its label states; no text."""

    reasoning_effort: str | None
    sampling: Mapping[str, int | float]
    prompt_digest: str


@dataclass(frozen=True, slots=True)
class Labels:
    """Makes the labels of one gateway; `key` is the key of the digests."""

    disclaimer: Disclaimer
    emergency_note: str
    key: bytes

    @classmethod
    def of(cls, disclaimer: Disclaimer, emergency_note: str, key: str | None = None) -> "Labels":
        """Return the labels; without a key, digests compare within one run only."""
        return cls(disclaimer, emergency_note, key.encode() if key else secrets.token_bytes(32))

    def facts_of(self, request: Json, prompt: bytes) -> RequestFacts:
        """Return the facts of a request; of `prompt`, all that goes in, they hold a digest."""
        digest = provenance.keyed_digest(self.key, prompt)
        return RequestFacts(effort_in(request), provenance.sampling(request), digest)

    def initial(
        self,
        serving: provenance.Serving,
        facts: RequestFacts,
        *,
        request_id: str,
        notice_rules: str | None,
        notices: Sequence[Mapping[str, str]] = (),
    ) -> Json:
        """Return the label as it is known before the first token."""
        call = provenance.Call(request_id, rfc3339(time.time()), *facts, notice_rules)
        return provenance.static(self.disclaimer, self.emergency_note, serving, call, notices)


class Ending(NamedTuple):
    """The end of one choice of an answer. Of text and reasoning anything that stands for them is
    enough; `content` is None where the engine never got to the answer."""

    finish_reason: str | None
    content: str | None
    reasoning: str | None = None
    has_tool_calls: bool = False
    completion_tokens: int = 1

    @property
    def truncation(self) -> Truncation | None:
        """Return the part in which the answer was cut."""
        if self.finish_reason not in CUT_REASONS:
            return None
        if self.content or (self.content is not None and not self.reasoning):
            return "in_answer"
        return "in_reasoning"

    @property
    def is_early(self) -> bool:
        """True where the engine ended the answer for another reason than budget or end."""
        reason = self.finish_reason
        return reason is not None and reason not in (*CUT_REASONS, *WHOLE_REASONS)

    @property
    def anomaly(self) -> Anomaly | None:
        """Return the reason why there is no answer; None when there is one."""
        if self.has_tool_calls or (self.content and self.content.strip()):
            return None
        if self.reasoning:
            return "reasoning_only"
        return "empty_answer" if self.completion_tokens > 0 else "nothing_generated"

    def warnings(self) -> list[str]:
        """Return the warnings that follow from the ending itself."""
        warnings: list[str] = []
        if anomaly := self.anomaly:
            warnings.append(anomaly)
        if self.is_early:
            warnings.append("ended_early")
        return warnings

    def label(
        self,
        known: Iterable[str],
        checked: Iterable[str],
        *,
        digest: str,
        fingerprint: str | None,
        was_input_cut: bool = False,
    ) -> Json:
        """Return the closing half of the label, sent with the part of an answer that has its
        finish_reason. Warnings that were `known` before come first, those of the output checks
        last."""
        return {
            "provenance": {"system_fingerprint": fingerprint, "output_digest": digest},
            "truncated": self.truncation or ("input" if was_input_cut else None),
            "warnings": [*known, *self.warnings(), *checked],
        }


def effort_in(request: Json) -> str | None:
    """Return the reasoning effort that a request names; /v1/messages has it one level down."""
    config = request.get("output_config")
    nested = config.get("effort") if isinstance(config, dict) else None
    effort: str | None = request.get("reasoning_effort") or nested
    return effort
