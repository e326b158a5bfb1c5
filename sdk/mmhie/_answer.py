"""Answers with their metadata, and the events of a stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict


class Notice(TypedDict, total=False):
    """A red flag of the prompt, as the gateway sent it; `message` is the text to show."""

    id: str
    type: str
    summary: str
    message: str
    not_triage: str


class Provenance(TypedDict, total=False):
    """The model, the engine and the settings of an answer; None is unknown to the gateway."""

    request_id: str
    time: str  # RFC 3339, in UTC
    gateway_version: str
    engine: str
    engine_version: str | None
    model: str
    display_name: str | None
    revision: str | None
    base: str | None
    base_revision: str | None
    adapter: str | None
    adapter_digest: str | None
    quantization: str | None
    pinned_date: str | None
    reasoning_effort: str | None
    sampling: Mapping[str, int | float]
    notice_rules: str | None
    prompt_digest: str
    output_digest: str
    system_fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens counted by the engine; `reasoning_tokens` is None if it does not count them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The model's answer; show `disclaimer`, `emergency_note`, `notices` wherever you show `text`.

    `truncated` is None if nothing was cut off, else "in_reasoning", "in_answer" or "input".
    `repr` omits `text` and `reasoning`, so that logging an answer does not leak them.
    """

    text: str = field(repr=False)
    reasoning: str | None = field(default=None, repr=False)
    disclaimer: str = ""
    notices: tuple[Notice, ...] = ()
    warnings: tuple[str, ...] = ()
    truncated: str | None = None
    finish_reason: str | None = None
    usage: Usage = Usage()
    provenance: Provenance = field(default_factory=Provenance)
    request_id: str | None = None
    model: str | None = None
    emergency_note: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the answer."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's reasoning, sent only if `include_reasoning` was set."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """The answer is complete: the last event of every stream that did not fail."""

    answer: Answer


Event = Delta | ReasoningDelta | End
